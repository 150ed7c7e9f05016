"""The admin site: every active user enters, and sees what is theirs."""

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.checks import CheckMessage
from django.http import HttpRequest
from django.utils.module_loading import autodiscover_modules

from apps.core.owned import OwnedAdmin


class ConsoleSite(AdminSite):
    """Django's, for everybody who may sign in, in our frame and with pages of our own."""

    site_header = site_title = "FreeAI"
    index_title = "Gateway"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff or not: what they reach there is a matter of each page (`core.owned`)."""
        return bool(request.user.is_active)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Every model's pages ask `OwnedAdmin` who may what, those of other packages too: Django's own trust the gate, which is open."""
        pages = admin_class or ModelAdmin
        if pages is ModelAdmin:
            pages = OwnedAdmin
        elif not issubclass(pages, OwnedAdmin):
            pages = type(pages.__name__, (pages, OwnedAdmin), {"__module__": pages.__module__})
        super().register(model_or_iterable, pages, **options)

    def find_pages(self) -> None:
        """Import the `admin` modules of all apps, which register theirs. May be called twice."""
        autodiscover_modules("admin", register_to=self)

    def check(self, app_configs: Any) -> list[CheckMessage]:
        """Of all pages."""
        self.find_pages()
        return super().check(app_configs)

    def get_urls(self) -> list[Any]:
        """Our own pages come first."""
        self.find_pages()
        from apps.console.pages.urls import routes  # late: pages need the site

        return [*routes(self), *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What the frame around every page shows."""
        from apps.console.frame import context_of  # late: it needs models

        return {**super().each_context(request), **context_of(request)}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Beyond the throttle the page is a 429, as `/api/auth/login` is."""
        answer = super().login(request, extra_context)
        form = (getattr(answer, "context_data", None) or {}).get("form")
        retry_after_s: int | None = getattr(form, "retry_after_s", None)
        if retry_after_s is not None:
            answer.status_code = 429
            answer.headers["Retry-After"] = str(retry_after_s)
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Behind the throttle of every sign-in."""
        from apps.console.pages import password  # late: pages need the site

        return password.show(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The first page: the dashboard, or the guide to it."""
        from apps.console.pages import dashboard  # late: pages need the site

        return dashboard.index(request)
