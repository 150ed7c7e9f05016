"""The score: how its parts work together over many requests, and what excludes a candidate."""

import msgspec
import pytest

from apps.providers.limits import Limit
from apps.providers.types import Offer
from apps.strategies.definition import parse_definition
from apps.strategies.expression import RequestFacts
from apps.strategies.ranking import PARTS, candidate_facts, capable
from tests.documents import Document
from tests.factories import make_request
from tests.strategies.candidates import LIMITS, NOW, PROVIDERS, names, offer, part, ranked, standing


def test_document_names_every_part():
    assert [row[0].strip("`") for row in Document("STRATEGY_DSL.md").rows("The score")] == list(PARTS)


def test_load_spreads_between_equals():
    offers = [offer(provider) for provider in PROVIDERS]
    in_flight = dict.fromkeys(PROVIDERS, 0)

    for _ in range(40):
        standings = [standing(made, in_flight=in_flight[made.provider]) for made in offers]
        in_flight[names(ranked(offers, standings))[0]] += 1

    assert set(in_flight.values()) == {10}


def test_unmeasured_candidates_are_tried_before_measured_equals():
    fast, unknown = offer("cerebras"), offer("mistral")
    standings = [standing(fast, latency_ema_ms=120.0, success_rate=1.0), standing(unknown)]

    assert names(ranked([fast, unknown], standings)) == ["mistral", "cerebras"]


def test_requirement_on_a_measurement_lets_the_unmeasured_through():
    slow, unknown = offer("cerebras"), offer("mistral")
    standings = [standing(slow, latency_ema_ms=9000.0), standing(unknown)]

    ranking = ranked(
        [slow, unknown], standings, parse_definition({"require": [{"when": "latency_ema_ms < 500"}]})
    )

    assert names(ranking) == ["mistral"]
    assert ranking.excluded[0].detail == "require[0].when: latency_ema_ms < 500"


def test_streams_are_ranked_by_time_to_first_byte_and_whole_answers_by_latency():
    offers = [offer("cerebras"), offer("mistral")]
    standings = [
        standing(offers[0], latency_ema_ms=300.0, ttfb_ema_ms=2000.0),
        standing(offers[1], latency_ema_ms=2000.0, ttfb_ema_ms=300.0),
    ]

    assert names(ranked(offers, standings))[0] == "cerebras"
    assert names(ranked(offers, standings, stream=True))[0] == "mistral"


def serve(offers: list[Offer], count: int, tokens: int = 1000) -> dict[str, int]:
    """Requests served by each provider when `count` come in a day, each one minute after the other."""
    served = {made.provider: 0 for made in offers}
    for _ in range(count):
        standings = []
        for made in offers:
            number = served[made.provider]
            spent = {"requests/day": number, "tokens/day": number * tokens}
            used = tuple(spent.get(str(window.span), 0) for window in made.subject.windows)
            full = any(
                0 < window.limit <= one for window, one in zip(made.subject.windows, used, strict=True)
            )
            standings.append(standing(made, used=used, blocked_until=NOW + 1 if full else 0.0))
        served[names(ranked(offers, standings))[0]] += 1
    return served


def test_scarce_daily_quota_is_not_burnt_on_what_a_plentiful_one_serves_as_well():
    scarce = offer("a-scarce", limits=[Limit("requests", "day", 50)])
    plentiful = offer("b-plentiful", limits=[Limit("requests", "day", 14_400)])

    served = serve([scarce, plentiful], 1000)

    assert served == {"a-scarce": 0, "b-plentiful": 1000}


def test_scarce_daily_tokens_count_by_the_size_of_the_request():
    scarce = offer("a-scarce", limits=[Limit("tokens", "day", 100_000)])
    plentiful = offer("b-plentiful", limits=[Limit("requests", "day", 14_400)])

    small = ranked([scarce, plentiful], facts=RequestFacts(prompt_tokens=100)).candidates
    large = ranked([scarce, plentiful], facts=RequestFacts(prompt_tokens=50_000)).candidates

    assert names(ranked([scarce, plentiful]))[0] == "b-plentiful"
    assert part(large[-1], "scarcity") < part(small[-1], "scarcity") < 0.0


@pytest.mark.parametrize(
    ("period", "limit"), [("week", 350), ("month", 1500), ("10day", 500), ("48hour", 100)]
)
def test_a_longer_quota_counts_with_what_it_admits_in_a_day(period, limit):
    longer = offer("a", limits=[Limit("requests", period, limit)])
    day = offer("b", limits=[Limit("requests", "day", 50)])

    first, second = ranked([longer, day]).candidates

    assert part(first, "scarcity") == part(second, "scarcity") == pytest.approx(-20 / 3)


def test_a_quota_of_hours_is_never_scarce():
    (scored,) = ranked([offer("a", limits=[Limit("requests", "5hour", 10)])]).candidates

    assert part(scored, "scarcity") == 0.0


def test_a_quota_of_what_nobody_knows_the_size_of_bounds_the_headroom_and_is_not_scarce():
    made = offer("a", limits=[Limit("neurons", "day", 10_000)])
    place = next(i for i, window in enumerate(made.subject.windows) if window.metric == "neurons")
    used = tuple(9_000 if i == place else 0 for i in range(len(made.subject.windows)))

    (scored,) = ranked([made], [standing(made, used=used)]).candidates

    assert part(scored, "scarcity") == 0.0
    assert part(scored, "headroom") == pytest.approx(0.1)


def test_scarce_quota_serves_when_the_plentiful_is_spent():
    scarce = offer("a-scarce", limits=[Limit("requests", "day", 50)])
    plentiful = offer(
        "b-plentiful", limits=[Limit("requests", "minute", 30), Limit("requests", "day", 14_400)]
    )
    busy = standing(plentiful, used=(29, 29, 0))
    spent = standing(plentiful, used=(30, 30, 0), blocked_until=NOW + 30)

    assert names(ranked([scarce, plentiful], [standing(scarce), busy]))[0] == "b-plentiful"
    assert names(ranked([scarce, plentiful], [standing(scarce), spent])) == ["a-scarce"]
    assert serve([scarce, offer("b", limits=[Limit("requests", "day", 100)])], 150) == {
        "a-scarce": 50,
        "b": 100,
    }


def test_a_strategy_outweighs_scarcity():
    scarce = offer("a-scarce", limits=[Limit("requests", "day", 50)], tags=("frontier",))
    plentiful = offer("b-plentiful", limits=[Limit("requests", "day", 14_400)])
    definition = parse_definition({"prefer": [{"when": "'frontier' in tags", "weight": 30}]})

    assert names(ranked([scarce, plentiful], definition=definition))[0] == "a-scarce"


def test_unlimited_quota_is_never_scarce():
    (scored,) = ranked([offer()]).candidates

    assert (part(scored, "scarcity"), part(scored, "headroom")) == (0.0, 1.0)


def test_counters_of_the_account_are_read_by_expressions_and_those_of_a_model_are_not():
    made = offer(limits=LIMITS)
    own = msgspec.structs.replace(made.subject.windows[0], key="1:groq|m#requests/minute", limit=5)
    subject = msgspec.structs.replace(made.subject, windows=(*made.subject.windows, own))
    made = msgspec.structs.replace(made, subject=subject)

    facts = candidate_facts(made, standing(made, used=(3, 200, 100_000, 4)))

    assert (facts.requests_this_minute, facts.requests_today, facts.tokens_today) == (3, 200, 100_000)
    assert (facts.rpd_remaining, facts.tpd_remaining) == (0.8, 0.8)
    assert facts.rpm_remaining == pytest.approx(0.2)


def test_blocked_candidates_are_excluded_with_reason_and_seconds_until_then():
    made = offer()

    ranking = ranked([made], [standing(made, blocked_until=NOW + 42.0, reason="breaker")])

    (excluded,) = ranking.excluded
    assert (excluded.reason, excluded.detail, excluded.retry_at) == (
        "breaker",
        "for another 42 s",
        NOW + 42.0,
    )


def test_a_cap_on_the_answer_excludes_nobody():
    request = make_request(prompt_tokens=900, max_tokens=64_000)
    small = offer("a", context_window=1000)

    assert capable([small], request) == ([small], [])


def test_capability_and_context_window_are_filters_with_reasons():
    request = make_request(needs=frozenset({"vision"}), prompt_tokens=1100)
    blind = offer("a", capabilities=frozenset({"tools"}))
    small = offer("b", capabilities=frozenset({"vision"}), context_window=1000)
    unknown_size = offer("c", capabilities=frozenset({"vision"}), context_window=0)

    able, excluded = capable([blind, small, unknown_size], request)

    assert able == [unknown_size]
    assert [(item.reason, item.detail) for item in excluded] == [
        ("incapable", "lacks vision"),
        ("context_window", "the prompt has about 1100 tokens, the context window has 1000"),
    ]
