"""The endpoints of `/v1`: a room each. One that is here is served: its `view` declares `urlpatterns`, relative to
`/v1/`, and perhaps `aliases`, relative to the root: where clients look for it that add no `/v1`."""

import pkgutil
from importlib import import_module
from types import ModuleType


def views() -> list[ModuleType]:
    """The view module of every endpoint, by its name."""
    rooms = sorted(room.name for room in pkgutil.iter_modules(__path__) if room.ispkg)
    return [import_module(f"{__name__}.{room}.view") for room in rooms]
