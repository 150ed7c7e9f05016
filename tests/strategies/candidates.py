"""Candidates in any state, for the tests of ranking."""

from typing import Any

from apps.core.state.contract import Standing, Subject
from apps.providers.limits import Limit
from apps.providers.overrides import Overrides
from apps.providers.quotas import Scheme, account_windows
from apps.providers.types import Offer
from apps.strategies.definition import parse_definition
from apps.strategies.expression import RequestFacts
from apps.strategies.profiles import Lens, View
from apps.strategies.ranking import PARTS, Ranking, Rules, Scored, rank
from tests.factories import make_offer

NOW = 1_790_000_000.0
PROVIDERS = ("cerebras", "gemini", "groq", "mistral")
LIMITS = (Limit("requests", "minute", 30), Limit("requests", "day", 1000), Limit("tokens", "day", 500_000))
BASELINE = parse_definition({})


def offer(provider: str = "groq", model: str = "m", limits: Any = (), **fields: Any) -> Offer:
    account = f"1:{provider}"
    windows = account_windows(account, Scheme.of(limits, ()), Overrides())
    return make_offer(
        provider=provider, model=model, subject=Subject(account, f"{account}|{model}", windows), **fields
    )


def standing(of: Offer, **fields: Any) -> Standing:
    """Nothing used, nothing measured, unless given."""
    unused: dict[str, Any] = {
        "used": (0,) * len(of.subject.windows),
        "blocked_until": 0.0,
        "reason": None,
        "in_flight": 0,
        "latency_ema_ms": None,
        "last_latency_ms": None,
        "ttfb_ema_ms": None,
        "success_rate": None,
    }
    return Standing(**(unused | fields))


def ranked(
    offers: list[Offer], standings: list[Standing] | None = None, definition: Any = BASELINE, **rules: Any
) -> Ranking:
    facts = rules.pop("facts", RequestFacts(prompt_tokens=100, max_tokens=0))
    known = standings or [standing(of) for of in offers]
    return rank(offers, known, Rules(View(Lens(definition), offers), facts, **rules), NOW)


def names(ranking: Ranking) -> list[str]:
    return [scored.offer.provider for scored in ranking.candidates]


def part(scored: Scored, name: str) -> float:
    return scored.parts[PARTS.index(name)]
