"""Ranking: a pure function of offers, standings, facts of the request, rules and time.

    score = weight + default + headroom + latency + reliability + load + preferred + the weights of the matched `prefer` clauses

| part        | value                                                                                              |
|-------------|----------------------------------------------------------------------------------------------------|
| weight      | the operator's or user's weight of the provider (1.0)                                               |
| default     | 1.0 for the provider's default model, 0 for its others                                              |
| headroom    | 0..1, the smallest share left in any of the candidate's quota windows                               |
| latency     | 1 / (1 + average in seconds): 1.0 while unmeasured, 0.5 at one second                                |
| reliability | 0..1, moving average of successes; 1.0 while unmeasured, so that newcomers are tried                 |
| load        | -0.1 for each attempt under way                                                                     |
| preferred   | 1000 for the provider that the client prefers                                                       |

Equal scores are ordered by provider and model. The best candidate of each provider comes first, then the second best of each, and so
on: what fails at a provider most often fails for all of its models.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from apps.core.state.contract import Standing
from apps.providers.quotas import remaining_shares
from apps.providers.types import ChatRequest, Offer
from apps.strategies.definition import Definition
from apps.strategies.expression import CandidateFacts, RequestFacts

PREFERRED_BOOST: Final = 1000.0
LOAD_PER_ATTEMPT: Final = 0.1
PARTS: Final = ("weight", "default", "headroom", "latency", "reliability", "load", "preferred")


class Scored(Struct, frozen=True):
    """A candidate with its score. `parts` is aligned with PARTS, `matched` holds (clause path, weight) of the prefer clauses."""

    offer: Offer
    score: float
    parts: tuple[float, ...]
    matched: tuple[tuple[str, float], ...] = ()


class Excluded(Struct, frozen=True):
    """An offer that is no candidate, why, and the numbers behind it. `retry_at`: when it may be one again, 0.0 if never by itself."""

    offer: Offer
    reason: str
    detail: str
    retry_at: float = 0.0


class Ranking(Struct, frozen=True):
    """Candidates, best first, and what was left out."""

    candidates: list[Scored]
    excluded: list[Excluded]


class Rules(Struct, frozen=True):
    """What to rank by: the strategy's definition, the facts of the request, and the provider that the client prefers."""

    definition: Definition
    facts: RequestFacts
    stream: bool = False
    preferred_provider: str | None = None


def capable(offers: Sequence[Offer], request: ChatRequest) -> tuple[list[Offer], list[Excluded]]:
    """Split offers by whether they can answer at all: capabilities and context window."""
    able: list[Offer] = []
    excluded: list[Excluded] = []
    needed = request.prompt_tokens + (request.max_tokens or 0)
    needs = request.needs
    for offer in offers:
        if needs and not needs <= offer.capabilities:
            missing = ", ".join(sorted(needs - offer.capabilities))
            excluded.append(Excluded(offer, "incapable", f"lacks {missing}"))
        elif offer.context_window and needed > offer.context_window:
            detail = f"needs about {needed} tokens, the context window has {offer.context_window}"
            excluded.append(Excluded(offer, "context_window", detail))
        else:
            able.append(offer)
    return able, excluded


def rank(offers: Sequence[Offer], standings: Sequence[Standing], rules: Rules, now: float) -> Ranking:
    """Order what may be tried now. `standings` is aligned with `offers`."""
    scored: list[Scored] = []
    excluded: list[Excluded] = []
    definition = rules.definition
    plain = not definition.require and not definition.prefer
    for offer, standing in zip(offers, standings, strict=True):
        if standing.blocked_until > now:
            wait = standing.blocked_until - now
            excluded.append(
                Excluded(
                    offer, standing.reason or "quota", f"for another {wait:.0f} s", standing.blocked_until
                )
            )
            continue
        if plain:
            scored.append(_score(offer, standing, rules, ()))
            continue
        facts = candidate_facts(offer, standing)
        unmet = definition.unmet(facts, rules.facts)
        if unmet is not None:
            excluded.append(Excluded(offer, "requirement", f"{unmet.path}: {unmet.condition.source}"))
            continue
        matched = tuple(
            (clause.path.removesuffix(".when"), clause.weight)
            for clause in definition.matched(facts, rules.facts)
        )
        scored.append(_score(offer, standing, rules, matched))
    scored.sort(key=_best_first)
    return Ranking(_by_rounds(scored), excluded)


def _best_first(scored: Scored) -> tuple[float, str, str]:
    return (-scored.score, scored.offer.provider, scored.offer.model)


def _score(offer: Offer, standing: Standing, rules: Rules, matched: tuple[tuple[str, float], ...]) -> Scored:
    latency = standing.ttfb_ema_ms if rules.stream else standing.latency_ema_ms
    success = standing.success_rate
    parts = (
        offer.weight,
        1.0 if offer.is_default else 0.0,
        remaining_shares(offer.subject.windows, standing.used)[3],
        1.0 if latency is None else 1000.0 / (1000.0 + latency),
        1.0 if success is None else success,
        -LOAD_PER_ATTEMPT * standing.in_flight,
        PREFERRED_BOOST if offer.provider == rules.preferred_provider else 0.0,
    )
    return Scored(offer, sum(parts) + sum([weight for _, weight in matched]), parts, matched)


def _by_rounds(scored: list[Scored]) -> list[Scored]:
    """The best of each provider, then the second best of each, …"""
    seen: dict[str, int] = {}
    rounds: list[tuple[int, int, Scored]] = []
    for place, candidate in enumerate(scored):
        provider = candidate.offer.provider
        nth = seen.get(provider, 0)
        seen[provider] = nth + 1
        rounds.append((nth, place, candidate))
    if len(seen) == len(scored):
        return scored
    rounds.sort(key=lambda item: item[:2])
    return [candidate for _, _, candidate in rounds]


def candidate_facts(offer: Offer, standing: Standing) -> CandidateFacts:
    """What the expressions of a strategy may read of a candidate."""
    rpm, rpd, tpd, _ = remaining_shares(offer.subject.windows, standing.used)
    counters = _account_counters(offer, standing)
    price = offer.price
    abilities = offer.capabilities
    return CandidateFacts(
        name=offer.provider,
        model=offer.model,
        tags=offer.tags,
        weight=offer.weight,
        context_window=offer.context_window,
        max_output_tokens=offer.max_output_tokens,
        latency_ema_ms=standing.latency_ema_ms,
        last_latency_ms=standing.last_latency_ms,
        ttfb_ema_ms=standing.ttfb_ema_ms,
        requests_today=counters.get("requests/day", 0),
        requests_this_minute=counters.get("requests/minute", 0),
        tokens_today=counters.get("tokens/day", 0),
        rpm_remaining=rpm,
        rpd_remaining=rpd,
        tpd_remaining=tpd,
        success_rate=standing.success_rate,
        in_flight=standing.in_flight,
        price_input=price.prompt_microusd / 1_000_000 if price else None,
        price_output=price.completion_microusd / 1_000_000 if price else None,
        free=price is None or not (price.prompt_microusd or price.completion_microusd),
        vision="vision" in abilities,
        tools="tools" in abilities,
        json_schema="json_schema" in abilities,
        reasoning="reasoning" in abilities,
    )


def _account_counters(offer: Offer, standing: Standing) -> dict[str, int]:
    """Usage of the whole account by "metric/unit": the windows whose key carries no model."""
    prefix = f"{offer.subject.credential}#"
    return {
        window.key[len(prefix) :]: used
        for window, used in zip(offer.subject.windows, standing.used, strict=True)
        if window.key.startswith(prefix)
    }
