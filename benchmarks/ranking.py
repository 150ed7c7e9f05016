"""What one ranking costs and how that grows with the candidates: `python -m benchmarks.ranking`.

Pure computation, so neither a server nor a floor is needed. Budget: 100 candidates by 10 clauses within 0.5 ms, growth linear.
"""

import sys
import time
from typing import Final

from apps.core.state.contract import Standing, Subject
from apps.core.state.keys import candidate_key, credential_key
from apps.providers.limits import Limit
from apps.providers.overrides import Overrides
from apps.providers.quotas import Scheme, account_windows, model_windows
from apps.providers.types import Offer, Preset, Price, Secret
from apps.strategies.definition import Definition, parse_definition
from apps.strategies.expression import RequestFacts
from apps.strategies.profiles import Lens, View
from apps.strategies.ranking import Rules, rank

SIZES: Final = (25, 50, 100, 200)
BUDGET_MS: Final = 0.5
BUDGET_AT: Final = 100
ROUNDS: Final = 40
MODELS_PER_PROVIDER: Final = 4
NOW: Final = 1_790_000_000.0

CLAUSES: Final = (
    ("ttfb_ema_ms < 250 || latency_ema_ms < 500", 30),
    ("'fast' in tags", 8),
    ("'frontier' in tags || 'large' in tags", 15),
    ("price_output <= 0.5", 6),
    ("rpd_remaining > 0.5 && tpd_remaining > 0.5", 4),
    ("context_window >= 128000", 3),
    ("model.contains('coder') || model.contains('codestral')", 20),
    ("!request.has_tools || tools", 2),
    ("success_rate < 0.9", -10),
    ("in_flight * 4 + requests_this_minute > 20", -5),
)


def definition() -> Definition:
    """Ten clauses as strategies have them: measured, live, catalogue and request fields, simple and combined."""
    return parse_definition({"prefer": [{"when": when, "weight": weight} for when, weight in CLAUSES]})


def offers(count: int) -> list[Offer]:
    """`count` models of several providers, with the windows of a usual free tier."""
    return [_offer(number) for number in range(count)]


def standings(made: list[Offer]) -> list[Standing]:
    """Used and measured, no two alike."""
    return [_standing(number, offer) for number, offer in enumerate(made)]


def measure_ms(count: int) -> float:
    """Milliseconds of one ranking of `count` candidates: the fastest of ROUNDS batches, which no other process disturbed."""
    candidates = offers(count)
    known = standings(candidates)
    rules = Rules(
        View(Lens(definition()), candidates), RequestFacts(prompt_tokens=900, max_tokens=0, has_tools=True)
    )
    repeats = max(1, 2000 // count)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(repeats):
            rank(candidates, known, rules, NOW)
        best = min(best, (time.perf_counter() - started) / repeats)
    return best * 1000


def main() -> int:
    """0 when the budget is met, 1 when not."""
    figures = {count: measure_ms(count) for count in SIZES}
    for count, cost_ms in figures.items():
        print(
            f"{count:4d} candidates x {len(CLAUSES)} clauses: {cost_ms:.3f} ms, {cost_ms / count * 1000:.2f} us each"
        )
    met = figures[BUDGET_AT] <= BUDGET_MS
    print(f"budget of {BUDGET_MS} ms at {BUDGET_AT}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def _offer(number: int) -> Offer:
    provider = f"provider{number // MODELS_PER_PROVIDER:03d}"
    model = f"model-{number}-{'coder' if number % 5 == 0 else 'instruct'}"
    account = credential_key(1, provider)
    declared = (
        Limit("requests", "minute", 30),
        Limit("requests", "day", 1000),
        Limit("tokens", "day", 500_000),
    )
    own = (Limit("tokens", "minute", 6000),) if number % 2 else ()
    windows = account_windows(account, Scheme.of(declared, own), Overrides()) + model_windows(
        candidate_key(account, model), model, own, Scheme.of(declared, own), Overrides()
    )
    return Offer(
        provider=provider,
        model=model,
        task="chat",
        subject=Subject(account, candidate_key(account, model), windows),
        preset=Preset(),
        base_url="https://upstream.test/v1",
        api_key=Secret("benchmark"),
        user_id=1,
        capabilities=frozenset({"tools", "json_schema"}),
        context_window=131_072 if number % 3 else 32_768,
        weight=1.0 + number % 7 / 10,
        tags=("fast", "free") if number % 2 else ("large", "free"),
        price=Price(number * 10_000, number * 20_000) if number % 3 else None,
        is_default=number % MODELS_PER_PROVIDER == 0,
    )


def _standing(number: int, offer: Offer) -> Standing:
    measured = number % 4 != 0
    return Standing(
        used=tuple((number * 3 + place) % 25 for place in range(len(offer.subject.windows))),
        blocked_until=0.0,
        reason=None,
        in_flight=number % 3,
        latency_ema_ms=200.0 + number * 17 % 900 if measured else None,
        last_latency_ms=210.0 + number if measured else None,
        ttfb_ema_ms=90.0 + number * 13 % 400 if measured else None,
        success_rate=1.0 - number % 10 / 50 if measured else None,
    )


if __name__ == "__main__":
    sys.exit(main())
