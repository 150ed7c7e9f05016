"""The filters that somebody can choose from: names of what there is, for who may see it."""

from typing import Final, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from msgspec import Struct

from apps.analytics.reports.reading import Reading
from apps.clients.models import ClientKey
from apps.console.client_names import PLAYGROUND
from apps.console.traffic.asking import Asking
from apps.core import roles
from apps.providers.models import Provider

MOST: Final = 200
PLAYGROUND_KEY: Final = str(PLAYGROUND)


class Choice(Struct, frozen=True):
    """One value, and the address that chooses it."""

    label: str
    address: str


class Menu(Struct, frozen=True):
    """Values of one filter."""

    title: str
    choices: list[Choice]


def menus_of(request: HttpRequest, asking: Asking, reading: Reading) -> list[Menu]:
    """Of the filters that are off: what has figures in this time, and whose they may be. Three queries."""
    parts = reading.whole.parts
    providers = dict(Provider.objects.values_list("name", "display_name"))
    keys = admin.site.get_model_admin(ClientKey).get_queryset(request)
    clients = {str(pk): str(name) for pk, name in keys.order_by("name").values_list("pk", "name")[:MOST]}
    if PLAYGROUND_KEY in parts.get("client", {}):
        clients[PLAYGROUND_KEY] = "playground"
    values = {
        "provider": {name: providers.get(name) or name for name in sorted(parts.get("provider", {})) if name},
        "model": {name: name for name in sorted(parts.get("model", {})) if name},
        "strategy": {name: name for name in sorted(parts.get("strategy", {})) if name},
        "client": clients,
    }
    if roles.may(cast("User", request.user), "view", "analytics.usageeventrow"):
        users = User.objects.order_by("username").values_list("pk", "username")[:MOST]
        values["user"] = {str(pk): name for pk, name in users}
    titles = {"client": "Client key"}
    return [
        Menu(
            titles.get(name, name.capitalize()),
            [Choice(label, asking.address(**{name: value})) for value, label in list(found.items())[:MOST]],
        )
        for name, found in values.items()
        if found and name not in asking.chosen
    ]


def names_of(asking: Asking) -> dict[str, str]:
    """What the chosen filters are called, where that is not what the address says."""
    names = {}
    if client := asking.chosen.get("client"):
        row = ClientKey.objects.filter(pk=client)
        if asking.filters.user_id is not None:
            row = row.filter(user_id=asking.filters.user_id)
        name = row.values_list("name", flat=True).first()
        names["client"] = name or ("playground" if client == PLAYGROUND_KEY else f"#{client}")
    if user := asking.chosen.get("user"):
        names["user"] = User.objects.filter(pk=user).values_list("username", flat=True).first() or f"#{user}"
    return names
