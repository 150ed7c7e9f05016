"""Rankings that are a moment old, so that a hundred candidates cost hardly more than five.

A full ranking of one pool, through one strategy and for the same kind of request, serves for REFRESH_S. Until then every request glances
at the first LIVE of them only: load still spreads, and what was blocked meanwhile falls out. Those are ranked anew where one of them is
blocked, or the strategy's rules read what is measured or counted. Quota is not at stake: a reservation is always checked by the store.
"""

from collections.abc import Hashable, Sequence
from weakref import WeakKeyDictionary

from msgspec import Struct

from apps.core.state.contract import StateStore
from apps.gateway.attempts.calls import Call
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.strategies.profiles import View
from apps.strategies.ranking import Ranking, Rules, as_glanced, best_first, rank

REFRESH_S = 0.1
LIVE = 4


class _Recent(Struct):
    """Full rankings by kind of request, none older than `since`. They are forgotten together, so there are never more than requests in
    REFRESH_S."""

    since: float
    by_kind: dict[Hashable, Ranking]


class Shortlists:
    """The recent rankings of one process. They go with the pool and the strategy that they were made for."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._recent: WeakKeyDictionary[View, _Recent] = WeakKeyDictionary()

    async def rank(self, call: Call[Demand], able: Sequence[Offer]) -> Ranking:
        """As `ranking.rank` over `able`, the offers of the call's pool that can answer it, best first."""
        rules, now = call.rules, call.now
        if len(able) <= LIVE:
            return await self.rank_all(able, rules, now)
        recent = self._recent.get(rules.view)
        if recent is None or not 0 <= now - recent.since < REFRESH_S:
            recent = self._recent[rules.view] = _Recent(now, {})
        # Of two requests with the same needs, the longer fits fewer context windows, never others: a count tells them apart.
        kind = (call.demand.needs, len(able), rules.kind())
        ranking = recent.by_kind.get(kind)
        if ranking is None:
            ranking = recent.by_kind[kind] = await self.rank_all(able, rules, now)
            return ranking
        if rules.view.lens.is_settled and (glanced := await self._glanced(ranking, now)):
            return glanced
        ordered = ranking.candidates
        live = await self.rank_all([item.offer for item in ordered[:LIVE]], rules, now)
        return Ranking(live.candidates + ordered[LIVE:], live.excluded + ranking.excluded)

    async def _glanced(self, ranking: Ranking, now: float) -> Ranking | None:
        """The ranking with the load of this moment among the first few; None where one of those is blocked."""
        first = ranking.candidates[:LIVE]
        glances = await self._store.glance([item.offer.subject for item in first], now)
        if any(glance.blocked_until > now for glance in glances):
            return None
        seen = [as_glanced(item, glance) for item, glance in zip(first, glances, strict=True)]
        if all(new is old for new, old in zip(seen, first, strict=True)):
            return ranking
        return Ranking(best_first(seen) + ranking.candidates[LIVE:], ranking.excluded)

    async def rank_all(self, able: Sequence[Offer], rules: Rules, now: float) -> Ranking:
        """A full ranking by the standings of this moment."""
        standings = await self._store.view([offer.subject for offer in able], now)
        return rank(able, standings, rules, now)
