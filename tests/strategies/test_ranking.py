"""Ranking: what must hold for any candidates in any state."""

import gc
import weakref
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.state.contract import Glance, Standing
from apps.providers.pool import Pool
from apps.providers.types import Offer, Price
from apps.strategies.definition import parse_definition
from apps.strategies.expression import ExpressionError, RequestFacts, compile_expression
from apps.strategies.expression.types import BOOL
from apps.strategies.profiles import Lens
from apps.strategies.ranking import PARTS, Scored, as_glanced, best_first, candidate_facts
from tests.strategies.candidates import BASELINE, LIMITS, NOW, PROVIDERS, names, offer, ranked, standing
from tests.strategies.generator import ExpressionGenerator


@st.composite
def pools(draw: st.DrawFn) -> list[tuple[Offer, Standing]]:
    """Up to ten candidates of up to four providers, in any state."""
    keys = draw(
        st.lists(st.tuples(st.sampled_from(PROVIDERS), st.sampled_from("abc")), max_size=10, unique=True)
    )
    return [_member(draw, provider, model) for provider, model in keys]


def _member(draw: st.DrawFn, provider: str, model: str) -> tuple[Offer, Standing]:
    milliseconds = st.none() | st.floats(1, 60_000)
    made = offer(
        provider,
        model,
        limits=LIMITS if draw(st.booleans()) else (),
        tags=tuple(draw(st.sets(st.sampled_from(("fast", "large"))))),
        weight=draw(st.floats(0, 5)),
        is_default=draw(st.booleans()),
        price=draw(st.none() | st.just(Price(100_000, 400_000))),
    )
    known = standing(
        made,
        used=tuple(draw(st.integers(0, 1200)) for _ in made.subject.windows),
        blocked_until=draw(st.sampled_from((0.0, 0.0, NOW - 5, NOW + 5))),
        in_flight=draw(st.integers(0, 5)),
        latency_ema_ms=draw(milliseconds),
        ttfb_ema_ms=draw(milliseconds),
        success_rate=draw(st.none() | st.floats(0, 1)),
    )
    return made, known


def split(pool: list[tuple[Offer, Standing]]) -> tuple[list[Offer], list[Standing]]:
    return [made for made, _ in pool], [known for _, known in pool]


@given(pools())
def test_every_offer_is_a_candidate_or_excluded_and_none_is_lost(pool):
    offers, standings = split(pool)

    ranking = ranked(offers, standings, parse_definition({"require": [{"when": "'fast' in tags"}]}))

    seen = [item.offer for item in ranking.candidates] + [item.offer for item in ranking.excluded]
    assert sorted(map(id, seen)) == sorted(map(id, offers))


@given(pools(), st.randoms(use_true_random=False))
def test_same_pool_gives_the_same_order_however_it_is_shuffled(pool, random):
    shuffled = random.sample(pool, len(pool))

    first = ranked(*split(pool)).candidates
    second = ranked(*split(shuffled)).candidates

    assert first == second


@given(pools(), st.floats(0.01, 100), st.data())
def test_adding_weight_to_a_clause_never_lowers_the_candidate_that_it_matches(pool, added, data):
    offers, standings = split(pool)
    before = ranked(offers, standings).candidates
    if not before:
        return
    chosen = data.draw(st.sampled_from(before)).offer
    when = f"name == '{chosen.provider}' && model == '{chosen.model}'"

    after = ranked(
        offers, standings, parse_definition({"prefer": [{"when": when, "weight": added}]})
    ).candidates

    def place(ranking: list[Scored]) -> int:
        return [item.offer for item in ranking].index(chosen)

    assert place(after) <= place(before)
    assert after[place(after)].score > before[place(before)].score


@given(pools())
def test_what_fails_a_requirement_never_appears_whatever_it_is_preferred_by(pool):
    offers, standings = split(pool)
    definition = parse_definition(
        {"require": [{"when": "in_flight < 2"}], "prefer": [{"when": "in_flight >= 2", "weight": 1000}]}
    )

    ranking = ranked(offers, standings, definition)

    allowed = {id(made) for made, known in pool if known.in_flight < 2 and known.blocked_until <= NOW}
    assert {id(scored.offer) for scored in ranking.candidates} == allowed


@given(pools())
def test_score_is_the_sum_of_its_parts(pool):
    definition = parse_definition(
        {"prefer": [{"when": "'fast' in tags", "weight": 3}, {"when": "success_rate > 0.5", "weight": 4}]}
    )

    for scored in ranked(*split(pool), definition).candidates:
        parts = [*scored.parts, *(weight for _, weight in scored.matched)]
        assert scored.score == pytest.approx(sum(parts))
        assert len(scored.parts) == len(PARTS)


@given(pools(), st.integers(0, 5), st.none() | st.floats(0, 1))
def test_a_glance_brings_load_and_reliability_up_to_date_and_nothing_else(pool, in_flight, success_rate):
    offers, standings = split(pool)
    now = [
        msgspec.structs.replace(each, in_flight=in_flight, success_rate=success_rate) for each in standings
    ]
    before, after = ranked(offers, standings).candidates, ranked(offers, now).candidates

    glanced = best_first([as_glanced(item, Glance(0.0, in_flight, success_rate)) for item in before])

    assert {id(item.offer): item.parts for item in glanced} == {id(item.offer): item.parts for item in after}
    # What differs by the rounding of sums may change places with its like.
    assert [item.score for item in glanced] == pytest.approx([item.score for item in after])


@given(pools(), st.sampled_from(PROVIDERS))
def test_preferred_provider_comes_first_where_it_is_a_candidate(pool, preferred):
    ranking = ranked(*split(pool), preferred_provider=preferred)

    if preferred in names(ranking):
        assert names(ranking)[0] == preferred


@given(pools())
def test_candidates_are_in_the_order_of_their_scores(pool):
    scores = [item.score for item in ranked(*split(pool)).candidates]

    assert scores == sorted(scores, reverse=True)


@settings(max_examples=300)
@given(pools(), st.integers(0, 2**32))
def test_clauses_decided_once_and_clauses_decided_each_time_agree_with_the_definition(pool, seed):
    generate = ExpressionGenerator(Random(seed))
    definition = parse_definition(
        {
            "require": [{"when": _sound(generate)}],
            "prefer": [{"when": _sound(generate), "weight": number + 1} for number in range(4)],
        }
    )
    request = RequestFacts(prompt_tokens=900, max_tokens=0, has_tools=True, language="en", intent="chat")
    offers, standings = split([(made, known) for made, known in pool if known.blocked_until <= NOW])

    ranking = ranked(offers, standings, definition, facts=request)

    expected = {}
    for made, known in zip(offers, standings, strict=True):
        facts = candidate_facts(made, known)
        if definition.unmet(facts, request) is None:
            expected[id(made)] = {clause.weight for clause in definition.matched(facts, request)}
    found = {id(item.offer): {weight for _, weight in item.matched} for item in ranking.candidates}
    assert found == expected


def _sound(generate: ExpressionGenerator) -> str:
    """A condition within the language's limits."""
    while True:
        try:
            return compile_expression(generate.expression(BOOL, 3)).source
        except ExpressionError:
            continue


def test_a_reloaded_catalogue_is_seen_by_the_next_ranking():
    definition = parse_definition({"prefer": [{"when": "'fast' in tags", "weight": 5}]})
    before = offer(tags=("fast",))
    after = msgspec.structs.replace(before, tags=())

    assert ranked([before], definition=definition).candidates[0].matched == (("prefer[0]", 5.0),)
    assert ranked([after], definition=definition).candidates[0].matched == ()


def test_a_view_is_kept_as_long_as_its_pool_and_its_strategy():
    lens, pool = Lens(BASELINE), Pool([offer(model=f"m{number}") for number in range(20)])
    view = lens.view(pool)
    seen = weakref.ref(view)

    assert lens.view(pool) is view
    del view, pool
    assert seen() is None

    pool = Pool([offer()])
    seen = weakref.ref(lens.view(pool))
    assert seen() is not None
    del lens
    gc.collect()  # a lens and its views know each other
    assert seen() is None
