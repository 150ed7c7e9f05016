"""Admin pages of providers, their models, and credentials.

A provider key goes in and never comes out: only its preview is shown.

Django's generic classes take no type arguments at run time, hence the ignores.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet, URLField
from django.http import HttpRequest

from apps.core.json_types import JSONArray
from apps.providers.credentials import MalformedKeyError, clean_key, put_key
from apps.providers.models import Credential, Provider, ProviderModel, Shipped
from apps.providers.presets import PresetError, parse_preset
from apps.providers.quotas import LimitsError, parse_limits, validate_limits


class DeclaredLimitsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks the quota windows that a provider or a model declares."""

    def clean_limits(self) -> Any:
        limits = self.cleaned_data["limits"] or []
        try:
            parse_limits(limits)
        except LimitsError as error:
            raise forms.ValidationError(str(error)) from error
        return limits


class ProviderForm(DeclaredLimitsForm):
    def clean_wire(self) -> Any:
        wire = self.cleaned_data["wire"] or {}
        try:
            parse_preset(wire)
        except PresetError as error:
            raise forms.ValidationError(str(error)) from error
        return wire


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    new_key = forms.CharField(
        required=False,
        strip=True,
        label="Key",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Leave empty to keep the present one.",
    )
    remove_key = forms.BooleanField(required=False, label="Forget the key")

    def clean_new_key(self) -> str:
        raw: str = self.cleaned_data["new_key"]
        try:
            return clean_key(raw) if raw else ""
        except MalformedKeyError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_limits(self) -> Any:
        try:
            return validate_limits(self.cleaned_data["limits"] or {})
        except LimitsError as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data["remove_key"]:
            self.instance.encrypted_key = self.instance.key_preview = ""
        if self.cleaned_data["new_key"]:
            put_key(self.instance, self.cleaned_data["new_key"])
        return super().save(commit)


@admin.action(description="Reset to the catalogue's values")
def reset_to_catalogue(_admin: Any, _request: HttpRequest, rows: QuerySet[Shipped]) -> None:
    """Undo an operator's edits: the columns get what the last sync shipped."""
    for row in rows:
        for column, value in row.shipped.items():
            setattr(row, column, value)
        row.save()


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ProviderForm
    list_display = ["name", "display_name", "enabled", "weight", "default_model", "requires_key", "is_custom"]
    list_filter = ["enabled", "is_custom"]
    search_fields = ["name", "display_name"]
    actions = [reset_to_catalogue]
    readonly_fields = ["is_custom", "updated_at"]
    formfield_overrides = {URLField: {"assume_scheme": "https"}}

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        """A provider that an operator adds is custom: the catalogue leaves it alone."""
        if not change:
            obj.is_custom = True
        super().save_model(request, obj, form, change)


@admin.register(ProviderModel)
class ProviderModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = DeclaredLimitsForm
    list_display = ["name", "provider", "task", "enabled", "context_window", "capabilities"]
    list_filter = ["provider", "task", "enabled"]
    list_select_related = ["provider"]
    search_fields = ["name"]
    actions = [reset_to_catalogue]
    readonly_fields = ["updated_at"]


@admin.register(Credential)
class CredentialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = CredentialForm
    list_display = [
        "user",
        "provider",
        "key_preview",
        "enabled",
        "rpm_limit",
        "rpd_limit",
        "tpd_limit",
        "updated_at",
    ]
    list_filter = ["provider", "enabled"]
    list_select_related = ["user", "provider"]
    search_fields = ["user__username", "provider__name"]
    readonly_fields = ["key_preview", "created_at", "updated_at"]
    autocomplete_fields = ["user", "provider"]

    def get_fields(self, request: HttpRequest, obj: Credential | None = None) -> JSONArray:
        """The key right after whom it belongs to."""
        first = ["user", "provider", "key_preview", "new_key", "remove_key"]
        return [*first, *(name for name in super().get_fields(request, obj) if name not in first)]
