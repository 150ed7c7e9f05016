"""Why a request would go where it would go: the whole decision, without an upstream call.

Filter and ranking are the functions that serve requests; only what they say is written down here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from apps.core.json_types import JSONObject
from apps.core.state.contract import Reading, Standing, StateStore, Window
from apps.core.state.keys import group_name, parse_window_key
from apps.core.state.lesson import holds
from apps.core.state.periods import SECOND
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.fairness import Fairness
from apps.gateway.attempts.unoffered import barred, not_allowed, withheld
from apps.gateway.config import CONFIG
from apps.providers.tasks import Demand
from apps.providers.types import ChatRequest, Offer
from apps.strategies.auto import Choice
from apps.strategies.checking import warnings_of
from apps.strategies.expression import RequestFacts
from apps.strategies.ranking import PARTS, Excluded, Ranking, Rules, Scored, capable, held, rank
from apps.strategies.reading import observe


class Exclusion(Struct, frozen=True):
    """Why an offer is no candidate. `retry_in_s`: seconds until it may be one again, None if time alone does not help."""

    reason: str
    detail: str
    retry_in_s: float | None = None


class Evidence(Struct, frozen=True, rename={"from_": "from"}):
    """Why a window admits something else than is `declared` (None: nothing is): `from_` refused, probe or told, when so much was `used`,
    so many seconds ago. `more_asked_in_s`: until more may be asked for."""

    declared: int | None
    from_: str
    used: int
    ago_s: float
    more_asked_in_s: float


class WindowUse(Struct, frozen=True, omit_defaults=True):
    """A quota window: `limit` None is counted but unlimited. `free_in_s`: until one more fits. `reported`: the upstream says that so much
    is used, where our own count says `counted`."""

    limit: int | None
    used: int
    free_in_s: float | None = None
    counted: int | None = None
    learnt: Evidence | None = None


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

    `requests_left`: how many like this one the day still admits, None where nothing bounds them; the part `scarcity` follows from it.
    `quota` is by metric and length, such as "requests/day"; a model's own windows have the model before it, those of a group its name.
    """

    provider: str
    model: str
    rank: int | None = None
    score: float | None = None
    parts: dict[str, float] = {}
    excluded: Exclusion | None = None
    requests_left: int | None = None
    quota: dict[str, WindowUse]
    health: Vitals


class FairShare(Struct, frozen=True):
    """What a key may expect of a minute where the pool is short: `share` of requests, of which it `admitted` so many in the last one and
    `asked` for so many. `comes_first`: what it waits for is held for it."""

    weight: float
    share: float
    asked: int
    admitted: int
    comes_first: bool


class Decision(Struct, frozen=True, omit_defaults=True):
    """The answer of preview and explain: candidates in the order of their attempts, then what is excluded. `fair_share`: left out where no
    gateway runs."""

    strategy: str
    features: JSONObject
    candidates: list[Row]
    warnings: list[JSONObject]
    fair_share: FairShare | None = None

    def as_json(self) -> JSONObject:
        """Plain dicts and lists."""
        body: JSONObject = msgspec.to_builtins(self)
        return body


def fair_share(fairness: Fairness, call: Call[Demand]) -> FairShare:
    """That of the key which asks."""
    of_key = fairness.share(call.principal.user_id, call.principal.client_id, call.now)
    return FairShare(of_key.weight, round(of_key.share, 1), of_key.asked, of_key.admitted, of_key.is_under)


async def explain(
    store: StateStore, call: Call[Demand], forbidden: Iterable[Offer] = (), answering: str | None = None
) -> Decision:
    """The decision on a planned call. `forbidden`: what the client key may not ask for; `answering`: the candidate that answers its
    conversation. Reserves nothing."""
    pool = call.plan.pool
    able, incapable = capable(pool.offers, call.demand)
    unasked = incapable + withheld(pool.withheld, paid=CONFIG.value.use_paid) + barred(pool.barred)
    unasked += not_allowed(forbidden)
    offers = [*able, *(item.offer for item in unasked)]
    standings = await store.view([offer.subject for offer in offers], call.now)
    ranking = rank(able, standings[: len(able)], call.rules, call.now)
    if answering is not None:
        ranking = held(ranking, answering)
    known = {offer.subject.candidate: standing for offer, standing in zip(offers, standings, strict=True)}
    read = await _readings(store, offers, call.now)
    whole = Ranking(ranking.candidates, ranking.excluded + unasked)
    return Decision(
        strategy=call.plan.name,
        features=features_of(call.rules.facts, _with_reasons(call)),
        candidates=_rows(whole, known, read, call.now, call.rules),
        warnings=[warning.as_detail() for warning in warnings_of(call.plan.strategy.definition.raw)],
    )


async def in_rows(store: StateStore, ranking: Ranking, now: float) -> list[Row]:
    """A ranking of before, decided at `now`, with the quotas and the health of this moment."""
    offers = [scored.offer for scored in ranking.candidates] + [item.offer for item in ranking.excluded]
    standings = await store.view([offer.subject for offer in offers], now)
    known = {offer.subject.candidate: standing for offer, standing in zip(offers, standings, strict=True)}
    return _rows(ranking, known, await _readings(store, offers, now), now)


async def _readings(store: StateStore, offers: Iterable[Offer], now: float) -> dict[str, Reading]:
    """Of all their windows, by key."""
    windows = {window.key: window for offer in offers for window in offer.subject.windows}
    return dict(zip(windows, await store.read([*windows.values()], now), strict=True))


def _with_reasons(call: Call[Demand]) -> Choice | None:
    """What `auto` chose, and why: a request that is served is read without asking for that."""
    choice, demand = call.plan.choice, call.demand
    if choice is None or not isinstance(demand, ChatRequest):
        return choice
    return replace(choice, observation=observe(demand))


def features_of(facts: RequestFacts, choice: Choice | None) -> JSONObject:
    """What the rules may read of the request; under `auto` what that strategy saw and chose."""
    features: JSONObject = msgspec.to_builtins(facts)
    if choice is not None:
        features["auto"] = msgspec.to_builtins(choice)
    return features


def _rows(
    ranking: Ranking,
    known: dict[str, Standing],
    read: dict[str, Reading],
    now: float,
    rules: Rules | None = None,
) -> list[Row]:
    def row(offer: Offer, **fields: Any) -> Row:
        standing = known[offer.subject.candidate]
        return Row(
            provider=offer.provider,
            model=offer.model,
            requests_left=None if rules is None else rules.requests_left(offer, standing),
            quota=_quota(offer, read, now),
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
    detail = f"{item.detail.removesuffix('.')}: {item.advice}" if item.advice else item.detail
    return Exclusion(item.reason, detail, round(wait, 1) if wait > 0 else None)


def _quota(offer: Offer, read: dict[str, Reading], now: float) -> dict[str, WindowUse]:
    uses: dict[str, WindowUse] = {}
    for window in offer.subject.windows:
        reading = read[window.key]
        if window.period == SECOND and not (window.limit or holds(reading.lesson, window)):
            continue  # counted in case refusals speak of it, and zero again in a moment
        scope, span = parse_window_key(window.key)
        whose = _whose(scope, offer)
        uses[f"{whose} {span}" if whose else str(span)] = _use(window, reading, now)
    return uses


def _use(window: Window, reading: Reading, now: float) -> WindowUse:
    lesson = reading.lesson
    evidence = None
    limit = window.limit
    if holds(lesson, window):
        limit = lesson.limit_of(window)
        evidence = Evidence(
            lesson.declared or None,
            "told" if lesson.told else lesson.why,
            lesson.used,
            round(now - lesson.at, 1),
            round(max(lesson.probe_at - now, 0.0), 1),
        )
    return WindowUse(
        limit or None,
        reading.used,
        round(reading.free_at - now, 1) if reading.free_at > now else None,
        None if reading.reported_at is None else reading.counted,
        evidence,
    )


def _whose(scope: str, offer: Offer) -> str:
    if scope == offer.subject.credential:
        return ""
    return offer.model if scope == offer.subject.candidate else group_name(scope) or "all models"


def _vitals(standing: Standing, now: float) -> Vitals:
    return Vitals(
        blocked_for_s=round(max(0.0, standing.blocked_until - now), 1),
        reason=standing.reason,
        in_flight=standing.in_flight,
        success_rate=standing.success_rate,
        latency_ema_ms=standing.latency_ema_ms,
        ttfb_ema_ms=standing.ttfb_ema_ms,
    )
