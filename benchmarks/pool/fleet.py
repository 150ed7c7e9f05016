"""Several gateways on one state store, as the processes of a fleet: each ranks by what it last saw, and reserves by what is."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from apps.core.state.contract import Glance, Standing, StateStore, Subject

LATE_S: Final = 0.1
"""So old a view may be: a process of a fleet looks at Redis ten times a second."""

T = TypeVar("T")


class LateViews:
    """One process's way to a store that others use too. All but its views is the store's own."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._standings: dict[str, tuple[float, Standing]] = {}
        self._glances: dict[str, tuple[float, Glance]] = {}
        self.on_trip: Callable[[str], None] = lambda _credential: None
        self.on_rewind: Callable[[float], None] = lambda _seconds: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        """The standings, up to LATE_S old."""
        due = _due(self._standings, subjects, now)
        _keep(self._standings, due, await self._store.view(due, now), now)
        return [self._standings[subject.candidate][1] for subject in subjects]

    async def glance(self, subjects: Sequence[Subject], now: float) -> list[Glance]:
        """The glances, up to LATE_S old."""
        due = _due(self._glances, subjects, now)
        _keep(self._glances, due, await self._store.glance(due, now), now)
        return [self._glances[subject.candidate][1] for subject in subjects]


def _due(seen: dict[str, tuple[float, T]], subjects: Sequence[Subject], now: float) -> list[Subject]:
    return [one for one in subjects if one.candidate not in seen or now - seen[one.candidate][0] >= LATE_S]


def _keep(seen: dict[str, tuple[float, T]], due: Sequence[Subject], found: Sequence[T], now: float) -> None:
    for subject, what in zip(due, found, strict=True):
        seen[subject.candidate] = now, what
