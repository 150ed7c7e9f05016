"""Search and jump: what of the pages and rows that the user may see goes by some words."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, Q
from django.http import HttpRequest
from django.urls import reverse

from apps.analytics.models import UsageEventRow
from apps.clients.models import ClientKey
from apps.console.navigation import model_list, pages_for
from apps.core import roles
from apps.providers.models import Provider, ProviderModel
from apps.strategies.models import Strategy

MOST = 6
"""Of each kind."""
MAX_WORDS = 200
LONGEST_ID = 64


class Hit(NamedTuple):
    """A place to jump to."""

    title: str
    hint: str
    url: str
    icon: str


class Kind(NamedTuple):
    """Hits of one kind; never empty."""

    name: str
    hits: list[Hit]


def find(request: HttpRequest, text: str) -> list[Kind]:
    """The hits by kind, of pages first; pages alone for no text."""
    words = text.replace("\0", "").strip()[:MAX_WORDS]
    kinds = {"Pages": _pages(request, words)}
    if words:
        kinds |= {
            "Providers": _providers(words),
            "Models": _models(words),
            "Client keys": _client_keys(request, words),
            "Strategies": _strategies(request, words),
            "Requests": _requests(request, words),
        }
    return [Kind(name, found) for name, hits in kinds.items() if (found := list(hits))]


def _pages(request: HttpRequest, words: str) -> Iterator[Hit]:
    for entry in pages_for(request):
        if words.lower() in f"{entry.group} {entry.label}".lower():
            yield Hit(entry.label, entry.group, entry.url, entry.icon)


def _providers(words: str) -> Iterator[Hit]:
    found = Provider.objects.filter(Q(name__icontains=words) | Q(display_name__icontains=words))
    for row in found.order_by("name")[:MOST]:
        yield Hit(row.display_name or row.name, row.name, reverse("admin:account", args=[row.name]), "plug")


def _models(words: str) -> Iterator[Hit]:
    found = ProviderModel.objects.filter(name__icontains=words, provider__enabled=True)
    for row in found.select_related("provider").order_by("name")[:MOST]:
        yield Hit(row.name, row.provider.name, reverse("admin:account", args=[row.provider.name]), "cube")


def _client_keys(request: HttpRequest, words: str) -> Iterator[Hit]:
    found = _rows(request, ClientKey).filter(Q(name__icontains=words) | Q(key_preview__istartswith=words))
    for row in found.select_related("user")[:MOST]:
        yield Hit(
            row.name,
            row.user.get_username(),
            reverse("admin:clients_clientkey_change", args=[row.pk]),
            "ticket",
        )


def _strategies(request: HttpRequest, words: str) -> Iterator[Hit]:
    if roles.may(cast("User", request.user), "view", "strategies.strategy"):
        for row in Strategy.objects.filter(name__icontains=words)[:MOST]:
            url = reverse("admin:strategies_strategy_change", args=[row.pk])
            yield Hit(row.name, "built-in" if row.is_builtin else "custom", url, "route")


def _requests(request: HttpRequest, words: str) -> Iterator[Hit]:
    if len(words) <= LONGEST_ID and _rows(request, UsageEventRow).filter(request_id=words).exists():
        url = f"{reverse(model_list('analytics.usageeventrow'))}?q={quote(words)}"
        yield Hit(words, "usage events", url, "list")


def _rows(request: HttpRequest, model: type[Model]) -> Any:
    """Those that the user may see."""
    return admin.site.get_model_admin(model).get_queryset(request)
