"""The one row of configuration: every field with what it does, and its unit."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.core.owned import OwnedAdmin
from apps.gateway.models import AppConfig
from apps.strategies.models import Strategy

if TYPE_CHECKING:
    FormBase = forms.ModelForm[AppConfig]
else:  # Django's classes are generic for the type checker only
    FormBase = forms.ModelForm

SECONDS: Final = "_s"
GROUPS: Final = {
    "How long it waits": [
        "connect_timeout_s",
        "first_content_timeout_s",
        "stream_idle_timeout_s",
        "response_timeout_s",
        "total_timeout_s",
        "max_wait_s",
    ],
    "How often it tries": ["provider_max_retries", "attempts_per_credential"],
    "Circuit breaker": [
        "circuit_breaker_threshold",
        "circuit_breaker_window_s",
        "circuit_breaker_base_s",
        "circuit_breaker_max_s",
    ],
    "Who answers": ["default_strategy", "sticky", "use_paid", "model_names"],
    "Notices": ["notice_url", "notice_mail"],
}
HELP: Final = {
    "connect_timeout_s": "Longest wait for a connection to a provider.",
    "provider_max_retries": "How often a failed attempt is tried again at the same place; a key may say otherwise.",
    "circuit_breaker_threshold": "So many failures of one account within the time below pause it.",
    "circuit_breaker_window_s": "The time within which failures are counted.",
    "circuit_breaker_base_s": "The first pause; each failed trial after it doubles the next.",
    "circuit_breaker_max_s": "The longest pause.",
    "default_strategy": "Of requests that name neither a strategy nor a virtual model.",
}


class AppConfigForm(FormBase):
    """All of it."""

    class Meta:
        model = AppConfig
        fields = [name for names in GROUPS.values() for name in names]
        help_texts = HELP
        labels = {"use_paid": "Use paid models", "sticky": "Keep conversations where they are"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name.endswith(SECONDS):
                field.label = f"{name.removesuffix(SECONDS).replace('_', ' ').capitalize()}, in seconds"
        if "default_strategy" in self.fields:
            names = Strategy.objects.order_by("name").values_list("name", flat=True)
            self.fields["default_strategy"].widget = forms.Select(choices=[(name, name) for name in names])


@admin.register(AppConfig)
class AppConfigAdmin(OwnedAdmin):
    """Its list would have one row: it leads there."""

    form = AppConfigForm
    fieldsets: ClassVar[Any] = [(title, {"fields": names}) for title, names in GROUPS.items()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the row. Raises PermissionDenied."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        row = AppConfig.objects.first()
        return (
            redirect("admin:gateway_appconfig_change", row.pk)
            if row
            else redirect("admin:gateway_appconfig_add")
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one row; the set-up makes it."""
        return super().has_add_permission(request) and not AppConfig.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: AppConfig | None = None) -> bool:
        return False
