"""Rings for all processes that something was written which they hold in memory; nothing where there is one process only."""

from collections.abc import Callable
from functools import cache
from typing import Protocol

from django.conf import settings

from apps.core.state.choice import is_shared


class Bell(Protocol):
    """See `state/redis/bell`."""

    def ring(self) -> None: ...

    async def listen(self, rung: Callable[[], None]) -> None: ...


def is_there() -> bool:
    """Whether there are others who may ring."""
    return is_shared(settings.FREEAI_STATE)


def ring() -> None:
    """Something was written: committed, that is. Never raises."""
    if is_there():
        _of(settings.FREEAI_STATE).ring()


async def listen(rung: Callable[[], None]) -> None:
    """Call `rung` whenever anybody rings. Until cancelled."""
    await _of(settings.FREEAI_STATE).listen(rung)


@cache
def _of(where: str) -> Bell:
    from apps.core.state.redis import bell  # who counts in memory does not load Redis' client

    return bell.Bell(where)
