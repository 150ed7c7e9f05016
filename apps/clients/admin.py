"""Client keys and admin tokens in the admin site. A new secret is shown in one message, nowhere else."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from apps.clients import keys, tokens
from apps.clients.models import MAX_ALLOWED, MAX_ALLOWED_NAME, AdminToken, ClientKey
from apps.core.json_types import JSONValue

if TYPE_CHECKING:
    ClientKeyAdminBase = admin.ModelAdmin[ClientKey]
    AdminTokenAdminBase = admin.ModelAdmin[AdminToken]
    ClientKeyFormBase = forms.ModelForm[ClientKey]
else:  # Django's classes are generic for the type checker only
    ClientKeyAdminBase = AdminTokenAdminBase = admin.ModelAdmin
    ClientKeyFormBase = forms.ModelForm


class ClientKeyForm(ClientKeyFormBase):
    """The JSON lists must be lists of names: anything else would close a key, or open it, by accident."""

    class Meta:
        model = ClientKey
        fields = [
            "user",
            "name",
            "rpm_limit",
            "enabled",
            "expires_at",
            "allowed_models",
            "allowed_strategies",
        ]

    def clean_allowed_models(self) -> list[str]:
        """Raises ValidationError."""
        return _names(self.cleaned_data["allowed_models"])

    def clean_allowed_strategies(self) -> list[str]:
        """Raises ValidationError."""
        return _names(self.cleaned_data["allowed_strategies"])


@admin.register(ClientKey)
class ClientKeyAdmin(ClientKeyAdminBase):
    """Issue, edit and revoke client keys."""

    form = ClientKeyForm
    list_display = ["name", "key_preview", "user", "rpm_limit", "state", "last_used_at", "created_at"]
    list_filter = ["enabled", "created_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username", "=key_hash"]
    raw_id_fields = ["user"]
    show_full_result_count = False
    actions = ["revoke"]

    def get_readonly_fields(self, request: HttpRequest, obj: ClientKey | None = None) -> list[str]:
        """A key stays with the user whom it was issued for."""
        facts = ["key_preview", "key_hash", "state", "revoked_at", "last_used_at", "created_at", "updated_at"]
        return ["user", *facts] if obj else []

    def save_model(
        self, request: HttpRequest, obj: ClientKey, form: "ModelForm[ClientKey]", change: bool
    ) -> None:
        """Issue, or write only what was edited: a revocation at the same moment stays."""
        if change:
            obj.save(update_fields=[*form.changed_data, "updated_at"])
            return
        raw = keys.assign(obj)
        obj.save()
        _show_once(request, raw)

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
class AdminTokenAdmin(AdminTokenAdminBase):
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
        raw = tokens.assign(obj)
        obj.save()
        _show_once(request, raw)

    @admin.action(description="Revoke selected admin tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[AdminToken]) -> None:
        """For good, at once."""
        _report_revoked(request, sum(tokens.revoke(row) for row in rows), "admin")


def _names(value: JSONValue) -> list[str]:
    if not value:
        return []
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise forms.ValidationError('Enter a JSON list of names, such as ["freeai-fast", "freeai-code"].')
    if len(value) > MAX_ALLOWED or max(map(len, value)) > MAX_ALLOWED_NAME:
        raise forms.ValidationError(
            f"At most {MAX_ALLOWED} names of at most {MAX_ALLOWED_NAME} characters each."
        )
    return value


def _show_once(request: HttpRequest, raw: str) -> None:
    messages.warning(request, f"Copy this now, it is not shown again: {raw}")


def _report_revoked(request: HttpRequest, count: int, kind: str) -> None:
    messages.success(request, f"Revoked {count} {kind} {'key' if kind == 'client' else 'token'}(s).")


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
