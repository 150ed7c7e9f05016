"""Who of a pool can answer a request at all, worked out once for all requests of a kind: 400 offers cost one what 5 do."""

from bisect import bisect_left
from typing import Final
from weakref import WeakKeyDictionary

from apps.providers.pool import Pool
from apps.providers.tasks import Demand
from apps.providers.types import Capability, Offer
from apps.strategies.ranking import capable

MOST_KINDS: Final = 256
"""Remembered of a pool. There are as many as different needs times different context windows, which catalogues have some dozens of."""

Kind = tuple[frozenset[Capability], int]


class _Known:
    """Of one pool. A prompt's length matters by how many of the offers' bounds it exceeds."""

    __slots__ = ("able", "bounds")

    def __init__(self, pool: Pool) -> None:
        bounds = {bound for offer in pool.offers for bound in (offer.context_window, offer.token_window)}
        self.bounds = sorted(bound for bound in bounds if bound > 0)
        self.able: dict[Kind, tuple[Offer, ...]] = {}


_KNOWN: WeakKeyDictionary[Pool, _Known] = WeakKeyDictionary()


def able(pool: Pool, request: Demand) -> tuple[Offer, ...]:
    """The first of what `ranking.capable` tells; why the others cannot, it tells."""
    known = _KNOWN.get(pool)
    if known is None:
        known = _KNOWN[pool] = _Known(pool)
    kind = (request.needs, bisect_left(known.bounds, request.prompt_tokens))
    offers = known.able.get(kind)
    if offers is None:
        if len(known.able) >= MOST_KINDS:
            known.able.clear()
        offers = known.able[kind] = tuple(capable(pool.offers, request)[0])
    return offers
