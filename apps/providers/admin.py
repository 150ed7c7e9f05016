"""Admin pages of providers, their models, and credentials.

A provider key goes in and never comes out: only its preview is shown.

Django's generic classes take no type arguments at run time, hence the ignores.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.filters import EmptyFieldListFilter
from django.db import transaction
from django.db.models import QuerySet, URLField
from django.http import HttpRequest

from apps.core.json_types import JSONArray
from apps.core.owned import WIDGETS, OwnedAdmin
from apps.providers import local_search, writing
from apps.providers.credentials import KeyRefusedError, forget_told, put_key, storable, use_without_key
from apps.providers.destinations import is_elsewhere
from apps.providers.limits import LimitsError, parse_limits, written_limits
from apps.providers.listing.background import read_soon
from apps.providers.listing.sync import in_use
from apps.providers.listing.wanting import DEFAULTS
from apps.providers.local_servers import LocalServer
from apps.providers.models import Credential, Provider, ProviderModel, Shipped
from apps.providers.overrides import validate_limits
from apps.providers.states import credential_words, provider_words

CREDENTIAL_LABELS = {
    "rpm_limit": "Requests a minute",
    "rpd_limit": "Requests a day",
    "tpd_limit": "Tokens a day",
    "limits": "Other limits",
    "max_retries": "Retries in place",
    "use_paid": "Use paid models",
    "spend_cap_microusd": "Spend cap, in micro-dollars",
}
KEY_FIRST = ("user", "provider", "key_preview", "new_key", "remove_key")


class DeclaredLimitsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks the quota windows that a provider or a model declares."""

    of_model = False

    def clean_limits(self) -> Any:
        try:
            limits = parse_limits(self.cleaned_data["limits"] or [], of_model=self.of_model)
        except LimitsError as error:
            raise forms.ValidationError(str(error)) from error
        return written_limits(limits)


class ModelForm(DeclaredLimitsForm):
    of_model = True


class ProviderForm(DeclaredLimitsForm):
    """Takes what `/api/providers` takes. What stays as it is may be anything: the sandbox's address is no URL."""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.instance.name and (not re.match(writing.NAME, name) or name in writing.RESERVED):
            raise forms.ValidationError(
                "Must be of small letters, digits, - and _, and none of "
                + ", ".join(sorted(writing.RESERVED))
                + "."
            )
        return name

    def clean_base_url(self) -> Any:
        return self._written(
            "base_url", lambda value: writing.base_url(value, writing.preset_of(self.instance))
        )

    def clean_tags(self) -> Any:
        return self._written("tags", writing.tags)

    def clean_terms(self) -> Any:
        return self._written("terms", writing.terms)

    def clean_key_env(self) -> Any:
        return self._written("key_env", writing.key_env)

    def clean_default_model(self) -> Any:
        known = partial(writing.known_model, self.instance) if self.instance.pk else str
        return self._written("default_model", known)

    def _written(self, name: str, rule: Callable[[Any], Any]) -> Any:
        value = self.cleaned_data[name]
        if value == self.initial.get(name):
            return value
        try:
            return rule([] if value is None else value)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean_wire(self) -> Any:
        try:
            return writing.wire(self.cleaned_data["wire"] or {})
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    new_key = forms.CharField(
        required=False,
        strip=True,
        label="Key",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Leave empty to keep the present one.",
    )
    remove_key = forms.BooleanField(required=False, label="Forget the key")

    class Meta:
        labels = CREDENTIAL_LABELS

    def clean_new_key(self) -> str:
        raw: str = self.cleaned_data["new_key"]
        try:
            return storable(raw) if raw else ""
        except KeyRefusedError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_limits(self) -> Any:
        try:
            return validate_limits(self.cleaned_data["limits"] or {})
        except LimitsError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("use_paid") and cleaned.get("spend_cap_microusd") is None:
            self.add_error(
                "spend_cap_microusd", "Set what may be spent in a month before paid models are used."
            )
        provider = cleaned.get("provider") or (self.instance.provider if self.instance.pk else None)
        if provider is not None:
            self._refuse_what_it_lacks(provider, cleaned)
        if provider is not None and cleaned.get("new_key") and (ended := provider.ended()):
            self.add_error("new_key", ended)
        return cleaned

    def _refuse_what_it_lacks(self, provider: Provider, cleaned: Any) -> None:
        """A default model that the provider does not offer, settings that it does not know."""
        if cleaned.get("default_model", "") != self.initial.get("default_model", ""):
            try:
                writing.known_model(provider, cleaned["default_model"])
            except ValueError as error:
                self.add_error("default_model", str(error))
        settings = cleaned["settings"] = cleaned.get("settings") or {}
        if settings != self.initial.get("settings", {}):
            problems = (
                writing.setting_problems(writing.preset_of(provider), settings)
                if isinstance(settings, dict)
                else {"": "Must be an object."}
            )
            for name, problem in problems.items():
                self.add_error("settings", f"{name}: {problem}" if name else problem)

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data["remove_key"]:
            self.instance.encrypted_key = self.instance.key_preview = ""
        if "settings" in self.changed_data:
            forget_told(self.instance)
        if self.cleaned_data["new_key"]:
            put_key(self.instance, self.cleaned_data["new_key"])
        return super().save(commit)


@admin.action(description="Undo edits", permissions=["change"])
def reset_to_catalogue(_admin: Any, _request: HttpRequest, rows: QuerySet[Shipped]) -> None:
    """The columns get what the last sync shipped, and what the provider's list told; a model that an operator added stays as it is."""
    for row in rows:
        told = row.listed if isinstance(row, ProviderModel) else {}
        unsaid = DEFAULTS if told else {}
        for column, value in (unsaid | row.shipped | told).items():
            setattr(row, column, value)
        row.save()


@admin.action(description="Look for them on this machine", permissions=["change"])
def find_local(page: Any, request: HttpRequest, rows: QuerySet[Provider]) -> None:
    """Of local model servers among the providers: which of them answer, and with how many models."""
    for server in _answering(page, request, rows):
        page.message_user(request, f"Found {server.provider}, models: {len(server.models)}.")


@admin.action(description="Use those that answer on this machine", permissions=["change"])
def use_local(page: Any, request: HttpRequest, rows: QuerySet[Provider]) -> None:
    """A credential without a key, for the admin who asks, for each that answers."""
    for server in _answering(page, request, rows):
        read_soon(use_without_key(request.user, rows.get(name=server.provider)))
        page.message_user(request, f"In use: {server.provider}.", messages.SUCCESS)


def _answering(page: Any, request: HttpRequest, rows: QuerySet[Provider]) -> list[LocalServer]:
    found = local_search.look(rows)
    if not found:
        page.message_user(request, "None of these answers on this machine.", messages.WARNING)
    return found


@admin.action(description="Read the model list now", permissions=["change"])
def read_model_list(page: Any, request: HttpRequest, rows: QuerySet[Provider] | QuerySet[Credential]) -> None:
    """With the keys that are chosen, or one key of each provider that is chosen. It goes on behind the answer."""
    chosen = {row.pk for row in rows}
    by_provider = rows.model is Provider
    soon: dict[int, Credential] = {}
    for credential in in_use():
        key = credential.provider_id if by_provider else credential.pk
        if key in chosen:
            soon.setdefault(key, credential)
    for credential in soon.values():
        read_soon(credential)
    page.message_user(
        request, f"Reading {len(soon)} of {len(chosen)} lists; the others have no key that could."
    )


class InferredFilter(admin.SimpleListFilter):
    """Models of which something was only inferred from their names."""

    title = "inferred"
    parameter_name = "inferred"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Something inferred"), ("no", "All told")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ProviderModel]) -> QuerySet[ProviderModel]:
        if self.value() is None:
            return queryset
        return queryset.filter(inferred=[]) if self.value() == "no" else queryset.exclude(inferred=[])


@admin.register(Provider)
class ProviderAdmin(OwnedAdmin):
    form = ProviderForm
    list_display = [
        "name",
        "display_name",
        "enabled",
        "access",
        "retired_on",
        "weight",
        "default_model",
        "requires_key",
        "is_custom",
    ]
    list_filter = ["enabled", "access", "is_custom"]
    search_fields = ["name", "display_name"]
    actions = [reset_to_catalogue, read_model_list, find_local, use_local]
    readonly_fields = ["state", "is_custom", "listed_at", "list_error", "updated_at"]
    formfield_overrides = WIDGETS | {URLField: {"assume_scheme": "https"}}

    @admin.display(description="State now")
    def state(self, provider: Provider) -> str:
        return provider_words(provider) if provider.pk else "-"

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        """A provider that an operator adds is custom: the catalogue leaves it alone."""
        if not change:
            obj.is_custom = True
        super().save_model(request, obj, form, change)
        keys = obj.credentials.exclude(encrypted_key="").select_related("provider")
        if left := sum(map(is_elsewhere, keys)):
            self.message_user(
                request,
                f"Keys stored for another address, and not sent to this one: {left}. Their owners are told to store them again.",
                messages.WARNING,
            )


@admin.register(ProviderModel)
class ProviderModelAdmin(OwnedAdmin):
    form = ModelForm
    list_display = [
        "name",
        "provider",
        "task",
        "enabled",
        "access",
        "context_window",
        "capabilities",
        "seen_at",
        "confirmed_at",
        "vanished_at",
        "retires_at",
    ]
    list_filter = [
        "provider",
        "task",
        "enabled",
        "access",
        ("vanished_at", EmptyFieldListFilter),
        InferredFilter,
    ]
    list_select_related = ["provider"]
    search_fields = ["name"]
    actions = [reset_to_catalogue]
    readonly_fields = ["inferred", "seen_at", "vanished_at", "confirmed_at", "updated_at"]


@admin.register(Credential)
class CredentialAdmin(OwnedAdmin):
    owner = "user"
    own = frozenset({"view", "change", "delete"})
    form = CredentialForm
    list_display = [
        "user",
        "provider",
        "key_preview",
        "enabled",
        "use_paid",
        "rpm_limit",
        "rpd_limit",
        "tpd_limit",
        "listed_at",
        "updated_at",
    ]
    list_filter = ["provider", "enabled"]
    list_select_related = ["user", "provider"]
    search_fields = ["user__username", "provider__name"]
    actions = [read_model_list]
    readonly_fields = [
        "key_preview",
        "state",
        "listed_at",
        "withheld",
        "account_facts",
        "created_at",
        "updated_at",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Credential | None = None) -> list[str]:
        """A key stays with the user and the provider that it was stored for."""
        return [*(["user", "provider"] if obj else []), *self.readonly_fields]

    @admin.display(description="State now")
    def state(self, credential: Credential) -> str:
        return credential_words(credential) if credential.pk else "-"

    def save_model(self, request: HttpRequest, obj: Credential, form: Any, change: bool) -> None:
        """A key that was not there before has its provider's list read."""
        super().save_model(request, obj, form, change)
        if obj.listed_at is None and obj.enabled:
            transaction.on_commit(lambda: read_soon(obj))

    def get_fields(self, request: HttpRequest, obj: Credential | None = None) -> JSONArray:
        """The key right after whom it belongs to."""
        names = super().get_fields(request, obj)
        first = [name for name in KEY_FIRST if name in names]
        return [*first, *(name for name in names if name not in first)]
