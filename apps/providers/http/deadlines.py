"""One timer for all connections: each says until when it may stay as it is, and says so anew at every read, which costs no timer."""

import asyncio
from math import inf
from typing import Protocol

GRANULARITY_S = 0.02  # between two looks at all of them: how late an end may be noticed at most


class Watched(Protocol):
    """What has an end unless something happens. `deadline`: on the loop's clock."""

    deadline: float

    def expire(self) -> None:
        """Its deadline has passed."""
        ...


class Deadlines:
    """The timer is set to the nearest deadline; those that moved since are looked at again then."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = inf

    def watch(self, one: Watched) -> None:
        self._watched.add(one)
        self.sooner(one.deadline)

    def forget(self, one: Watched) -> None:
        """May be called twice."""
        self._watched.discard(one)
        if not self._watched:
            self._set(inf)

    def sooner(self, deadline: float) -> None:
        """Somebody's deadline is this one now: only a nearer one than the timer's moves it."""
        if deadline < self._next:
            self._set(deadline)

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = None if at == inf else self._loop.call_at(at, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        for one in [one for one in self._watched if one.deadline <= now]:
            one.expire()
        nearest = min((one.deadline for one in self._watched), default=inf)
        self._set(max(nearest, now + GRANULARITY_S))
