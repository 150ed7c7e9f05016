"""A provider of one's own, as it is filled in: a server that speaks OpenAI's dialect, its models, and what each has proven."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User
from django.db import transaction
from django.http import QueryDict
from msgspec import Struct

from apps.core.odd_names import odd_character
from apps.providers import writing
from apps.providers.capability_probe import CAPABILITIES
from apps.providers.credentials import MAX_KEY_LENGTH, MalformedKeyError, clean_key, set_key, use_without_key
from apps.providers.limits import MAX_LIMIT, parse_limits, written_limits
from apps.providers.listing.reading import Listed
from apps.providers.listing.wanting import wanted
from apps.providers.models import MAX_MODEL_NAME, Credential, Provider, ProviderModel
from apps.providers.tasks import TASKS
from apps.providers.types import Preset

MOST_MODELS: Final = 100
"""That a page shows. Of a server with more, the list is read once it is stored."""
MOST_USED: Final = 20
LIMITS: Final = {
    "rpm": ("requests", "minute", "rolling"),
    "rpd": ("requests", "day", "rolling"),
    "at_once": ("concurrency", "now", "fixed"),
}


class Draft(Struct, frozen=True):
    """A model: whether it is to be offered, and what is ticked of what it can do."""

    name: str
    task: str
    context_window: int
    is_used: bool
    can: frozenset[str]


class CustomForm(forms.Form):
    """The address, a key where the server asks for one, and limits; 0 for unlimited."""

    name = forms.SlugField(max_length=40, help_text="Clients may ask for NAME/MODEL.")
    base_url = forms.CharField(
        label="Base URL",
        max_length=300,
        help_text="Up to what comes before /chat/completions, such as http://10.0.4.20:8000/v1.",
        widget=forms.TextInput(attrs={"class": "mono", "inputmode": "url", "autocomplete": "off"}),
    )
    key = forms.CharField(
        label="API key",
        required=False,
        max_length=MAX_KEY_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "mono"}, render_value=False),
        help_text="Empty where it needs none. It is yours; other users bring their own.",
    )
    tags = forms.CharField(required=False, max_length=400, help_text="Words, such as: local, fast.")
    rpm = forms.IntegerField(label="Requests a minute", initial=0, min_value=0, max_value=MAX_LIMIT)
    rpd = forms.IntegerField(label="Requests a day", initial=0, min_value=0, max_value=MAX_LIMIT)
    at_once = forms.IntegerField(label="Calls at a time", initial=4, min_value=0, max_value=10_000)

    def clean_name(self) -> str:
        """Raises ValidationError for one that is taken."""
        name: str = self.cleaned_data["name"].lower()
        if not re.match(writing.NAME, name) or name in writing.RESERVED:
            taken = ", ".join(sorted(writing.RESERVED))
            raise forms.ValidationError(f"Must be of small letters, digits, - and _, and none of {taken}.")
        if Provider.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a provider of the name {name!r} already.")
        return name

    def clean_base_url(self) -> str:
        """Raises ValidationError for what no provider can be at."""
        text: str = self.cleaned_data["base_url"]
        try:
            return writing.base_url(text.rstrip("/").removesuffix("/chat/completions"), Preset())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean_key(self) -> str:
        """Raises ValidationError for what cannot be a key."""
        raw: str = self.cleaned_data["key"]
        try:
            return clean_key(raw) if raw else ""
        except MalformedKeyError as error:
            raise forms.ValidationError(str(error)) from error

    def clean_tags(self) -> list[str]:
        """Raises ValidationError for what is no tag."""
        try:
            return writing.tags(self.cleaned_data["tags"].replace(",", " ").split())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def limits(self) -> list[Any]:
        """As a provider declares them."""
        given = [
            {"metric": metric, "unit": unit, "limit": self.cleaned_data[field], "kind": kind}
            for field, (metric, unit, kind) in LIMITS.items()
            if self.cleaned_data[field]
        ]
        for each in given:
            if each["metric"] == "concurrency":
                del each["unit"], each["kind"]
        return list(written_limits(parse_limits(given)))


def drafts_of(listed: Sequence[Listed]) -> list[Draft]:
    """What a server's list says of its first MOST_MODELS models; nothing is taken to be able to do anything."""
    drafts: list[Draft] = []
    for each in listed[:MOST_MODELS]:
        want = wanted(each, {}, "free")
        columns = want.columns if want else {}
        task = columns.get("task", "chat") if want else ""
        is_used = task == "chat" and len(drafts) < MOST_USED
        context = each.columns.get("context_window", columns.get("context_window", 0)) or 0
        drafts.append(Draft(each.name, task or "chat", int(context), is_used and bool(task), frozenset()))
    return drafts


def drafts_in(query: QueryDict) -> list[Draft]:
    """Those of the form: `model-N`, `task-N`, `context-N`, `use-N`, and `can-N` once for each ability. What cannot be is left out."""
    return list(_posted(query))


def _posted(query: QueryDict) -> Iterator[Draft]:
    seen = set()
    for number in range(MOST_MODELS):
        name = query.get(f"model-{number}", "").strip()
        task = query.get(f"task-{number}", "chat")
        if not name or len(name) > MAX_MODEL_NAME or odd_character(name) or name in seen or task not in TASKS:
            continue
        seen.add(name)
        context = query.get(f"context-{number}", "")
        can = CAPABILITIES.intersection(query.getlist(f"can-{number}"))
        window = int(context) if context.isascii() and context.isdigit() and len(context) < 9 else 0  # noqa: PLR2004 - digits
        yield Draft(name, task, window, f"use-{number}" in query, frozenset(can))


@transaction.atomic
def store(user: User, form: CustomForm, drafts: Sequence[Draft]) -> Credential:
    """The provider, its models and the user's credential there. Models that are not used are stored turned off: the server's list would
    bring them otherwise."""
    cleaned = form.cleaned_data
    used = [draft for draft in drafts if draft.is_used]
    provider = Provider.objects.create(
        name=cleaned["name"],
        display_name=form.data.get("name", cleaned["name"])[:80],
        base_url=cleaned["base_url"],
        tags=cleaned["tags"],
        limits=form.limits(),
        requires_key=bool(cleaned["key"]),
        default_model=next((draft.name for draft in used if draft.task == "chat"), ""),
        is_custom=True,
    )
    for draft in drafts:
        ProviderModel.objects.create(
            provider=provider,
            name=draft.name,
            task=draft.task,
            enabled=draft.is_used,
            capabilities=sorted(draft.can),
            context_window=draft.context_window,
        )
    return set_key(user, provider, cleaned["key"]) if cleaned["key"] else use_without_key(user, provider)
