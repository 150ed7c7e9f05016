"""Requests that were refused before any attempt, on their way into the spool: a few rows a minute, however many there are."""

import asyncio

from msgspec import Struct
from msgspec.structs import replace

from apps.analytics.events import UsageEvent
from apps.analytics.spool import Spool

WINDOW_S = 60.0
ROWS = 5
MOST_KINDS = 1_000

Kind = tuple[int, int | None, str, str]


class _Alike(Struct):
    """Refusals of one kind within a window. `first`: the first that is only counted, of `counted` together; `model` is "" where they asked
    for several."""

    rows: int = 0
    first: UsageEvent | None = None
    counted: int = 0
    latency_ms: float = 0.0
    model: str = ""


class Refusals:
    """Of a user, a client key, an endpoint and an error the first five in a minute have a row each; the others are one row at its end,
    which says for how many it stands (`stands_for`) and how long they took on average.

    If the process dies in between, at least half of those are in the spool. Belongs to the event loop, as the spool does. Kinds are
    bounded: when a thousand of them have come, the minute is over.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._alike: dict[Kind, _Alike] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event: UsageEvent) -> None:
        """Record one refusal."""
        kind = (event.user_id, event.client_id, event.endpoint, event.error_kind)
        alike = self._alike.get(kind)
        if alike is None:
            if len(self._alike) >= MOST_KINDS:
                self.flush()
            alike = self._alike[kind] = _Alike()
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self.flush)
        if alike.rows < ROWS:
            alike.rows += 1
            self._spool.end(event)
        else:
            self._count(alike, event)

    def flush(self) -> None:
        """Write down what was only counted, and begin anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for alike in self._alike.values():
            if alike.first is not None:
                self._spool.end(_sum(alike, alike.first))
        self._alike.clear()

    def _count(self, alike: _Alike, event: UsageEvent) -> None:
        if alike.first is None:
            alike.first, alike.model = event, event.model
        alike.counted += 1
        alike.latency_ms += event.latency_ms or 0.0
        if event.model != alike.model:
            alike.model = ""
        if alike.counted & (alike.counted - 1) == 0:
            self._spool.leave_open(_sum(alike, alike.first))


def _sum(alike: _Alike, first: UsageEvent) -> UsageEvent:
    return replace(
        first,
        model=alike.model,
        stands_for=alike.counted,
        latency_ms=round(alike.latency_ms / alike.counted, 3),
    )
