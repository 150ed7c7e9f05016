"""Why a request would go where it would go: the whole decision, without an upstream call.

Filter and ranking are the functions that serve requests; only what they say is written down here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.state.contract import Standing, StateStore
from apps.core.state.keys import parse_window_key
from apps.gateway.attempts.calls import Call
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.strategies.checking import warnings_of
from apps.strategies.ranking import PARTS, Excluded, Ranking, Scored, capable, rank


class Exclusion(Struct, frozen=True):
    """Why an offer is no candidate. `retry_in_s`: seconds until it may be one again, None if time alone does not help."""

    reason: str
    detail: str
    retry_in_s: float | None = None


class WindowUse(Struct, frozen=True):
    """A quota window: `limit` None is counted but unlimited."""

    limit: int | None
    used: int


class Vitals(Struct, frozen=True):
    """What the state store knows beside the quota. None: not measured."""

    blocked_for_s: float
    reason: str | None
    in_flight: int
    success_rate: float | None
    latency_ema_ms: float | None
    ttfb_ema_ms: float | None


class Row(Struct, frozen=True, kw_only=True):
    """One offer of the request. `rank` (from 1) and `score` are None where it is excluded.

    `quota` is by metric and length, such as "requests/day"; a model's own windows have the model before it.
    """

    provider: str
    model: str
    rank: int | None = None
    score: float | None = None
    parts: dict[str, float] = {}
    excluded: Exclusion | None = None
    quota: dict[str, WindowUse]
    health: Vitals


class Decision(Struct, frozen=True):
    """The answer of preview and explain: candidates in the order of their attempts, then what is excluded."""

    strategy: str
    features: JSONObject
    candidates: list[Row]
    warnings: list[JSONObject]

    def as_json(self) -> JSONObject:
        """Plain dicts and lists."""
        body: JSONObject = msgspec.to_builtins(self)
        return body


async def explain(store: StateStore, call: Call[Demand]) -> Decision:
    """The decision on a planned call. Reserves nothing."""
    able, incapable = capable(call.plan.pool.offers, call.demand)
    offers = [*able, *(item.offer for item in incapable)]
    standings = await store.view([offer.subject for offer in offers], call.now)
    ranking = rank(able, standings[: len(able)], call.rules, call.now)
    known = {offer.subject.candidate: standing for offer, standing in zip(offers, standings, strict=True)}
    return Decision(
        strategy=call.plan.name,
        features=_features(call),
        candidates=_rows(Ranking(ranking.candidates, ranking.excluded + incapable), known, call.now),
        warnings=[warning.as_detail() for warning in warnings_of(call.plan.strategy.definition.raw)],
    )


def _features(call: Call[Demand]) -> JSONObject:
    """What the rules may read of the request; under `auto` what that strategy saw and chose."""
    features: JSONObject = msgspec.to_builtins(call.rules.facts)
    if call.plan.choice is not None:
        features["auto"] = msgspec.to_builtins(call.plan.choice)
    return features


def _rows(ranking: Ranking, known: dict[str, Standing], now: float) -> list[Row]:
    def row(offer: Offer, **fields: Any) -> Row:
        standing = known[offer.subject.candidate]
        return Row(
            provider=offer.provider,
            model=offer.model,
            quota=_quota(offer, standing),
            health=_vitals(standing, now),
            **fields,
        )

    ranked = [
        row(scored.offer, rank=place, score=round(scored.score, 4), parts=_parts(scored))
        for place, scored in enumerate(ranking.candidates, start=1)
    ]
    return ranked + [row(item.offer, excluded=_exclusion(item, now)) for item in ranking.excluded]


def _parts(scored: Scored) -> dict[str, float]:
    parts: Iterable[tuple[str, float]] = (*zip(PARTS, scored.parts, strict=True), *scored.matched)
    return {name: round(value, 4) + 0.0 for name, value in parts}  # no -0.0


def _exclusion(item: Excluded, now: float) -> Exclusion:
    wait = item.retry_at - now
    detail = f"{item.detail}: {item.advice}" if item.advice else item.detail
    return Exclusion(item.reason, detail, round(wait, 1) if wait > 0 else None)


def _quota(offer: Offer, standing: Standing) -> dict[str, WindowUse]:
    uses: dict[str, WindowUse] = {}
    for window, used in zip(offer.subject.windows, standing.used, strict=True):
        scope, span = parse_window_key(window.key)
        name = str(span) if scope == offer.subject.credential else f"{offer.model} {span}"
        uses[name] = WindowUse(window.limit or None, used)
    return uses


def _vitals(standing: Standing, now: float) -> Vitals:
    return Vitals(
        blocked_for_s=round(max(0.0, standing.blocked_until - now), 1),
        reason=standing.reason,
        in_flight=standing.in_flight,
        success_rate=standing.success_rate,
        latency_ema_ms=standing.latency_ema_ms,
        ttfb_ema_ms=standing.ttfb_ema_ms,
    )
