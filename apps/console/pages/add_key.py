"""A provider key in one step: choose the provider, paste the key, have it tested, store it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.console.frame import is_part, page
from apps.console.key_test import steps_of
from apps.console.pool import Offered, pool_of
from apps.providers.credentials import (
    MAX_KEY_LENGTH,
    KeyRefusedError,
    own_row,
    put_key,
    put_settings,
    storable,
)
from apps.providers.listing.background import read_soon
from apps.providers.models import Credential, Provider
from apps.providers.presets import PresetError, is_setting, parse_preset
from apps.providers.probe import Outcome, probe_stored
from apps.providers.types import Preset


class KeyForm(forms.Form):
    """The key, and what the provider needs beside it: a field each, `setting_<name>`."""

    key = forms.CharField(
        label="API key",
        max_length=MAX_KEY_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "mono", "autofocus": True}),
    )

    def __init__(self, provider: Provider, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        self.preset = preset_of(provider)
        if not provider.requires_key:
            self.fields["key"].required = False
            self.fields["key"].help_text = "This provider needs none."
        for name in self.preset.settings:
            self.fields[f"setting_{name}"] = forms.CharField(
                label=name.replace("_", " ").capitalize(), max_length=100
            )

    def clean_key(self) -> str:
        """Raises ValidationError for what cannot be a key, and for any key of a provider that has ended."""
        raw: str = self.cleaned_data["key"]
        if ended := self.provider.ended():
            raise forms.ValidationError(ended)
        try:
            return storable(raw) if raw else ""
        except KeyRefusedError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError by field."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.preset.settings:
            value = cleaned.get(f"setting_{name}")
            if value is not None and not is_setting(value):
                self.add_error(f"setting_{name}", "Must be letters, digits, - or _; at most 100.")
        return cleaned

    def settings(self) -> dict[str, str]:
        """As a credential holds them."""
        return {name: self.cleaned_data[f"setting_{name}"] for name in self.preset.settings}

    def fill(self, credential: Credential) -> None:
        """Put what was entered on a row, without saving it."""
        if self.cleaned_data["key"]:
            put_key(credential, self.cleaned_data["key"])
        if self.preset.settings:
            put_settings(credential, self.settings())


def show(request: HttpRequest) -> HttpResponse:
    """GET `?provider=`: what is to be filled in. POST: test it, and with `act=save` store it if it works; with `anyway`, in any case."""
    pool = pool_of(request.user.pk or 0)
    choices = [*pool.offered, *(Offered(row.provider, "you have a key", "", False) for row in pool.rows)]
    name = request.POST.get("provider") or request.GET.get("provider", "")
    chosen = next((one for one in choices if one.provider.name == name), None)
    if chosen is None:
        return page(request, "console/add_key.html", "Add a provider key", choices=choices, chosen=None)
    form = KeyForm(chosen.provider, request.POST if request.method == "POST" else None)
    outcome = None
    if request.method == "POST" and form.is_valid():
        wants_save = request.POST.get("act") == "save"
        anyway = "anyway" in request.POST
        outcome = None if wants_save and anyway else _test(request, form)
        if wants_save and (outcome is None or outcome.ok):
            _store(request.user.pk or 0, form)
            messages.success(
                request, f"Your key of {chosen.name} is stored. Its list of models is being read."
            )
            return redirect("admin:account", chosen.provider.name)
    steps = steps_of(chosen.provider, outcome) if outcome else []
    context = {"form": form, "chosen": chosen, "outcome": outcome, "steps": steps}
    if is_part(request):
        return render(request, "console/key_tested.html", context)
    return page(
        request,
        "console/add_key.html",
        "Add a provider key",
        choices=choices,
        prefixes={one.provider.name: list(preset_of(one.provider).key_prefixes) for one in choices},
        **context,
    )


def preset_of(provider: Provider) -> Preset:
    """The provider's; plain OpenAI where an operator left a table that cannot be read."""
    try:
        return parse_preset(provider.wire)
    except PresetError:
        return Preset()


def _draft(user_id: int, provider: Provider) -> Credential:
    """The user's row as it is, or a new one; not saved."""
    found = Credential.objects.filter(user_id=user_id, provider=provider).first()
    return found or Credential(user_id=user_id, provider=provider)


def _test(request: HttpRequest, form: KeyForm) -> Outcome:
    """One cheap call with what was entered; nothing is stored, and nothing of the database is held meanwhile."""
    draft = _draft(request.user.pk or 0, form.provider)
    draft.pk = None  # the stored row's evidence stays
    form.fill(draft)
    if not connection.in_atomic_block:
        connection.close()
    return probe_stored(form.provider, draft, request.user.pk or 0)


@transaction.atomic
def _store(user_id: int, form: KeyForm) -> None:
    """Under a lock on the row: limits that are edited at the same moment stay."""
    credential = own_row(user_id, form.provider)
    form.fill(credential)
    credential.enabled = True
    credential.save()
    transaction.on_commit(lambda: read_soon(credential))
