"""The endpoints of the client API: a room each. One that is here is served: its `view` declares `urlpatterns`, relative to `/v1/`, or
`SERVED`, patterns by the prefix that they are relative to."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from django.urls import URLPattern

from apps.gateway.wire.surfaces import V1

Patterns = list[URLPattern]


def views() -> list[ModuleType]:
    """The view module of every endpoint, by its name."""
    rooms = sorted(room.name for room in pkgutil.iter_modules(__path__) if room.ispkg)
    return [import_module(f"{__name__}.{room}.view") for room in rooms]


def served() -> Iterator[tuple[str, Patterns]]:
    """Prefix and patterns of every endpoint."""
    for view in views():
        if hasattr(view, "SERVED"):
            yield from view.SERVED.items()
        else:
            yield V1, view.urlpatterns
