"""Gauges that are read when somebody scrapes: what is left of the quotas, where they are counted, and what waits for the database.

A pool of 200 users and 10 providers has 20,000 candidates: looking at all of them for every scrape would hold the event loop for a second.
So they are looked at a few at a time, at most every REFRESH_S, and a scrape costs what its labels cost.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from math import inf
from weakref import WeakKeyDictionary

import structlog

from apps.analytics import metrics
from apps.core import clock
from apps.gateway.runtime import Runtime
from apps.providers.offers import CATALOGUE
from apps.providers.types import Offer

log = structlog.get_logger("freeai.gateway")

REFRESH_S = 10.0
WAIT_S = 1.0
SLICE = 50
"""Candidates between two turns of the event loop: 1 to 2 ms."""


async def refresh(runtime: Runtime) -> None:
    """Set `freeai_state_store_mode`, `freeai_spool_*`, and `freeai_quota_remaining_ratio`: the smallest share left per provider and
    window, over all credentials and models, as it was at most REFRESH_S ago. A look that takes longer than WAIT_S is left to the next
    scrape.
    """
    metrics.state_store_mode(runtime.store.mode)
    metrics.spool(runtime.writer.depth(), runtime.writer.lag_s())
    lookout = _LOOKOUTS.get(runtime)
    if lookout is None:
        lookout = _LOOKOUTS[runtime] = _Lookout()
    await lookout.refresh(runtime)


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
    least: dict[tuple[str, str], float] = {}
    offers = CATALOGUE.value.all_offers()
    while some := list(islice(offers, SLICE)):
        standings = await runtime.store.view([offer.subject for offer in some], clock.now())
        for offer, standing in zip(some, standings, strict=True):
            for window, share in _shares(offer, standing.used):
                least[offer.provider, window] = min(least.get((offer.provider, window), 1.0), share)
        await asyncio.sleep(0)
    metrics.quotas_remaining((provider, window, share) for (provider, window), share in least.items())


def _shares(offer: Offer, used: tuple[int, ...]) -> Iterator[tuple[str, float]]:
    """Each limited window of an offer, and what share of it is left."""
    for window, count in zip(offer.subject.windows, used, strict=True):
        if window.limit:
            yield str(window.span), max(0.0, 1 - count / window.limit)
