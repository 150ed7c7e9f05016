"""Rankings that are a moment old, so that a hundred candidates cost hardly more than five.

A full ranking of the same offers, by the same rules and for the same kind of request, serves for REFRESH_S. Until then every request looks
again at the first LIVE of them only, with the standings of this very moment: load still spreads, and what was blocked meanwhile falls out.
Quota is not at stake: a reservation is always checked by the store.
"""

from collections.abc import Sequence

from msgspec import Struct

from apps.core.state.contract import StateStore
from apps.gateway.attempts.calls import Call
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.strategies.ranking import Ranking, Rules, rank

REFRESH_S = 0.1
LIVE = 4
MAX_KEPT = 256


class _Kept(Struct):
    """A full ranking. `offers` and `rules` are held, so that their ids in the key stay theirs."""

    at: float
    offers: Sequence[Offer]
    rules: Rules
    ranking: Ranking


class Shortlists:
    """The recent rankings of one process."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._kept: dict[tuple[object, ...], _Kept] = {}

    async def rank(self, call: Call[Demand], able: Sequence[Offer]) -> Ranking:
        """As `ranking.rank` over `able`, the offers of the call's plan that can answer it, best first."""
        rules, now = call.rules, call.now
        if len(able) <= LIVE:
            return await self.rank_all(able, rules, now)
        offers = call.plan.offers
        # Of two requests with the same needs, the longer fits fewer context windows, never others: a count tells them apart.
        key = (id(offers), call.demand.needs, len(able), rules.kind())
        kept = self._kept.get(key)
        if kept is None or not 0 <= now - kept.at < REFRESH_S:
            ranking = await self.rank_all(able, rules, now)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[key] = _Kept(now, offers, rules, ranking)
            return ranking
        ordered = kept.ranking.candidates
        live = await self.rank_all([item.offer for item in ordered[:LIVE]], rules, now)
        return Ranking(live.candidates + ordered[LIVE:], live.excluded + kept.ranking.excluded)

    async def rank_all(self, able: Sequence[Offer], rules: Rules, now: float) -> Ranking:
        """A full ranking by the standings of this moment."""
        standings = await self._store.view([offer.subject for offer in able], now)
        return rank(able, standings, rules, now)
