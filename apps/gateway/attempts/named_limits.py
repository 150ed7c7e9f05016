"""Limits that a refusal named, on their way to the rows that outlive it: those that nothing contradicts."""

from collections.abc import Iterable

from apps.core import clock
from apps.core.state.contract import StateStore
from apps.core.state.keys import candidate_key, window_key
from apps.core.state.lessons import is_disproved
from apps.providers.errors import ToldLimit
from apps.providers.evidence import record_told
from apps.providers.types import Offer


async def keep(store: StateStore, offer: Offer, told: Iterable[ToldLimit]) -> None:
    """Keep what the state store, which has seen the refusal, believes too: of a window that was granted more just now a number is no
    limit."""
    now = clock.now()
    believed = [each for each in told if not await _is_disproved(store, offer, each, now)]
    record_told(offer, believed, "refusal", now)


async def _is_disproved(store: StateStore, offer: Offer, told: ToldLimit, now: float) -> bool:
    credential = offer.subject.credential
    scope = credential if told.scope == "account" else candidate_key(credential, offer.model)
    key = window_key(scope, told.span)
    readings = await store.read([window for window in offer.subject.windows if window.key == key], now)
    return any(is_disproved(reading, told.limit) for reading in readings)
