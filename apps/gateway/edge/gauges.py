"""Gauges that are read when somebody scrapes: what is left of the quotas, where they are counted, and what waits for the database.

A pool of 200 users and 10 providers has 20,000 candidates: looking at all of them for every scrape would hold the event loop for a second.
So their windows are looked at a few at a time, at most every REFRESH_S, and a scrape costs what its labels cost.
"""

import asyncio
from math import inf
from weakref import WeakKeyDictionary

import structlog

from apps.analytics import metrics, quota_metrics
from apps.core import clock
from apps.core.state.contract import Reading, Window
from apps.gateway.outlook.quotas import bound_at, read
from apps.gateway.runtime import Runtime
from apps.providers.facts import ProviderFacts
from apps.providers.forecast import forecast
from apps.providers.offers import CATALOGUE
from apps.providers.overrides import ANSWERED

log = structlog.get_logger("freeai.gateway")

REFRESH_S = 10.0
WAIT_S = 1.0
TELL_S = 1.0
NAME = "gauges"


async def refresh(runtime: Runtime) -> None:
    """Set `freeai_state_store_mode`, `freeai_attempts_open`, `freeai_spool_*`, and what is left of the quotas, as it was at most REFRESH_S
    ago.

    Per provider and window, over all credentials and models, `freeai_quota_remaining_ratio` is the smallest share left, and
    `freeai_quota_runs_out_seconds` the soonest end. A look that takes longer than WAIT_S is left to the next scrape.
    """
    _tell(runtime)
    lookout = _LOOKOUTS.get(runtime)
    if lookout is None:
        lookout = _LOOKOUTS[runtime] = _Lookout()
    await lookout.refresh(runtime)


async def keep_telling(runtime: Runtime) -> None:
    """Where several workers count and any of them may be asked: what this one adds to the sums, every TELL_S. Until cancelled."""
    while True:
        _tell(runtime)
        await asyncio.sleep(TELL_S)


def _tell(runtime: Runtime) -> None:
    metrics.state_store_mode(runtime.store.mode)
    metrics.attempts_open(runtime.spool.open_attempts())
    metrics.spool(runtime.writer.depth(), runtime.writer.lag_s(), runtime.spool.size())


class _Lookout:
    """Looks at one gateway's quotas."""

    def __init__(self) -> None:
        self._looked_at = -inf
        self._look: asyncio.Task[None] | None = None

    async def refresh(self, runtime: Runtime) -> None:
        if self._look is None and clock.monotonic() >= self._looked_at + REFRESH_S:
            self._look = asyncio.create_task(_look(runtime))
            self._look.add_done_callback(self._looked)
        if self._look is not None:
            await asyncio.wait([self._look], timeout=WAIT_S)

    def _looked(self, look: "asyncio.Task[None]") -> None:
        self._look = None
        self._looked_at = clock.monotonic()
        if not look.cancelled() and (error := look.exception()) is not None:
            log.error("gauges.not_refreshed", exc_info=error)


_LOOKOUTS: WeakKeyDictionary[Runtime, _Lookout] = WeakKeyDictionary()


async def _look(runtime: Runtime) -> None:
    left: dict[tuple[str, str], float] = {}
    ends_in: dict[tuple[str, str], float] = {}
    catalogue = CATALOGUE.value
    for account in catalogue.accounts():
        bound = await bound_at(catalogue, account)
        async for window, reading, now in read(runtime, bound.windows().values()):
            label = bound.facts.name, _label(window, bound.facts)
            left[label] = min(left.get(label, 1.0), max(0.0, 1 - reading.used / window.limit))
            if reading.used and (seconds := _ends_in(runtime, window, reading, now)) is not None:
                ends_in[label] = min(ends_in.get(label, inf), seconds)
    quota_metrics.quotas_remaining((*label, share) for label, share in left.items())
    quota_metrics.quotas_run_out((*label, seconds) for label, seconds in ends_in.items())


def _ends_in(runtime: Runtime, window: Window, reading: Reading, now: float) -> float | None:
    """Seconds until nothing is left of it; None where it resets before that, or nobody can tell."""
    told = forecast(window, reading, runtime.pace.pace(window, now), now)
    if told.state == "out":
        return 0.0
    return told.at - now if told.state == "runs_out" and told.at is not None else None


def _label(window: Window, facts: ProviderFacts) -> str:
    """What it counts, over which length. Lengths that only a user thought of are one, or labels had no end."""
    known = window.span in facts.scheme.like or window.period in ANSWERED.get(window.metric, ())
    return str(window.span) if known else metrics.OTHER
