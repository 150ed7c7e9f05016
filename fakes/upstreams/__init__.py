"""The providers that can be faked, by slug: every `Upstream` that a module of this folder makes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from .base import Upstream


def _made() -> Iterator[Upstream]:
    for module in iter_modules(__path__):
        values = vars(import_module(f"{__name__}.{module.name}")).values()
        yield from (value for value in values if isinstance(value, Upstream))


UPSTREAMS: dict[str, Upstream] = {upstream.slug: upstream for upstream in _made()}
