"""Client keys and admin tokens in the admin site. A new secret is in one answer alone: cookies would carry a message."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from apps.clients import allowed, keys, tokens
from apps.clients.expiry import OVER, is_over
from apps.clients.models import MAX_ALLOWED, MAX_ALLOWED_NAME, AdminToken, ClientKey
from apps.clients.windows import SPANS
from apps.core import sent_once
from apps.core.json_types import JSONValue
from apps.core.owned import OwnedAdmin
from apps.core.strict_json import decode, refuse_halves

if TYPE_CHECKING:
    ClientKeyFormBase = forms.ModelForm[ClientKey]
else:  # Django's classes are generic for the type checker only
    ClientKeyFormBase = forms.ModelForm

LABELS = {
    "rpm_limit": "Requests a minute",
    "rpd_limit": "Requests a day",
    "tpm_limit": "Tokens a minute",
    "tpd_limit": "Tokens a day",
    "expires_at": "Expires",
}
JSON_BEGINS = ("[", "{", '"', "null")
ONE_A_LINE = "Enter one name a line, such as freeai-fast."
ALREADY = (
    "This {} has been issued already, and is shown once. Revoke it if it is not saved, and issue another."
)
ISSUED = "issued_secret"  # an attribute of the request that made one


class NamesField(forms.CharField):
    """A list of names, one a line or as JSON. Anything else would close a key, or open it, by accident."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=MAX_ALLOWED * (MAX_ALLOWED_NAME + 4), **options)

    def prepare_value(self, value: Any) -> Any:
        """One a line."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # a CharField for its bound and its widget
        """Raises ValidationError."""
        text = super().to_python(value) or ""
        if not text.startswith(JSON_BEGINS):
            return [line.strip() for line in text.splitlines() if line.strip()]
        try:
            value = decode(text.encode())
            refuse_halves(text)
        except ValueError as error:
            raise forms.ValidationError(ONE_A_LINE) from error
        return _names(value)


class ClientKeyForm(ClientKeyFormBase):
    """What may be set of a key; the lists hold names that something bears."""

    allowed_models = NamesField(help_text="Models that it may name, one a line; empty for all.")
    allowed_strategies = NamesField(help_text="Strategies, one a line; empty for all.")
    allowed_endpoints = NamesField(help_text="Endpoints, one a line; empty for all.")

    class Meta:
        model = ClientKey
        fields = [
            "user",
            "name",
            *SPANS,
            "weight",
            "data_use",
            "enabled",
            "expires_at",
            *allowed.KINDS,
        ]
        labels = LABELS

    def clean_expires_at(self) -> datetime | None:
        """Raises ValidationError."""
        value: datetime | None = self.cleaned_data["expires_at"]
        kept: datetime | None = self.initial.get("expires_at")
        if is_over(value, kept.replace(microsecond=0) if kept else None):  # the form shows no fractions
            raise forms.ValidationError(OVER)
        return value

    def clean_allowed_models(self) -> list[str]:
        """Raises ValidationError."""
        return self._names("allowed_models")

    def clean_allowed_strategies(self) -> list[str]:
        """Raises ValidationError."""
        return self._names("allowed_strategies")

    def clean_allowed_endpoints(self) -> list[str]:
        """Raises ValidationError."""
        return self._names("allowed_endpoints")

    def _names(self, kind: allowed.Kind) -> list[str]:
        names: list[str] = self.cleaned_data[kind]
        if found := allowed.problems(kind, names, getattr(self.instance, kind)):
            raise forms.ValidationError(found)
        return names


class ShowsOnce(OwnedAdmin):
    """The answer to the form that made a secret shows it."""

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One way on: to the secret. A form that is sent again, because its answer was loaded again, makes no second one."""
        if request.method == "POST" and sent_once.was_sent(request):
            messages.warning(request, ALREADY.format(self.opts.verbose_name))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        one_way = {"show_save_and_add_another": False, "show_save_and_continue": False}
        titled = {
            "title": f"Issue {self.opts.verbose_name}",
            "once": sent_once.number(),
            **one_way,
            **(extra_context or {}),
        }
        return super().add_view(request, form_url, titled)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """No redirect could carry it."""
        sent_once.note(request)
        return self.show_once(request, obj, getattr(request, ISSUED))

    def show_once(self, request: HttpRequest, obj: Any, raw: str) -> HttpResponse:
        """The page of a new secret."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"“{obj.name}” issued",
            "raw": raw,
            "opts": self.opts,
        }
        return TemplateResponse(
            request, "console/secret_issued.html", context, headers={"Cache-Control": "no-store"}
        )


@admin.register(ClientKey)
class ClientKeyAdmin(ShowsOnce):
    """Issue, edit and revoke client keys."""

    owner = "user"
    own = frozenset({"view", "add", "change"})
    form = ClientKeyForm
    list_display = ["name", "key_preview", "user", *SPANS, "data_use", "state", "last_used_at", "created_at"]
    list_filter = ["enabled", "data_use", "created_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username", "=key_hash"]
    show_full_result_count = False
    actions = ["revoke"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """For oneself, most often."""
        return {"user": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_fieldsets(self, request: HttpRequest, obj: ClientKey | None = None) -> Any:
        """Its name first; what it may and what it was."""
        shown = [str(name) for name in self.get_fields(request, obj)]
        groups = {
            "": ["user", "name", "enabled", "expires_at"],
            "Limits": [*SPANS, "weight"],
            "May use": [*allowed.KINDS, "data_use"],
        }
        named = {name for names in groups.values() for name in names}
        groups["Facts"] = [name for name in shown if name not in named]
        return [
            (title or None, {"fields": fields})
            for title, names in groups.items()
            if (fields := [name for name in names if name in shown])
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: ClientKey | None = None) -> list[str]:
        """A key stays with the user whom it was issued for."""
        facts = ["key_preview", "key_hash", "state", "previous_until", "revoked_at", "last_used_at"]
        return ["user", *facts, "created_at", "updated_at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: ClientKey, form: "ModelForm[ClientKey]", change: bool
    ) -> None:
        """Issue, or write only what was edited: a revocation at the same moment stays."""
        if change:
            obj.save(update_fields=[*form.changed_data, "updated_at"])
            return
        setattr(request, ISSUED, keys.assign(obj))
        obj.save()

    @admin.action(description="Revoke selected client keys", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ClientKey]) -> None:
        """For good, in every process within a second."""
        _report_revoked(request, sum(keys.revoke(row) for row in rows), "client")

    @admin.display(description="State")
    def state(self, row: ClientKey) -> str:
        """What the key check would say, but for the expiry."""
        if row.revoked_at:
            return "revoked"
        return "enabled" if row.enabled and row.user.is_active else "disabled"


@admin.register(AdminToken)
class AdminTokenAdmin(ShowsOnce):
    """Issue and revoke admin tokens. Superusers only: a token acts as one."""

    exclude = ["revoked_at"]  # never to be edited; shown among the read-only fields
    list_display = ["name", "token_preview", "created_at", "revoked_at"]
    actions = ["revoke"]

    def get_readonly_fields(self, request: HttpRequest, obj: AdminToken | None = None) -> list[str]:
        """All but the name."""
        return ["token_preview", "token_hash", "created_at", "revoked_at"] if obj else []

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: AdminToken | None = None) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: AdminToken | None = None) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: AdminToken | None = None) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def save_model(
        self, request: HttpRequest, obj: AdminToken, form: "ModelForm[AdminToken]", change: bool
    ) -> None:
        """Issue, or rename."""
        if change:
            obj.save(update_fields=["name"])
            return
        setattr(request, ISSUED, tokens.assign(obj))
        obj.save()

    @admin.action(description="Revoke selected admin tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[AdminToken]) -> None:
        """For good, at once."""
        _report_revoked(request, sum(tokens.revoke(row) for row in rows), "admin")


def _names(value: JSONValue) -> list[str]:
    if not value:
        return []
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise forms.ValidationError(ONE_A_LINE)
    return value


def _report_revoked(request: HttpRequest, count: int, kind: str) -> None:
    messages.success(request, f"Revoked {count} {kind} {'key' if kind == 'client' else 'token'}(s).")


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
