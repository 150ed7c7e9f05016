"""What a condition asks of a request decides its verdict, and asks no more than it must."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.strategies.expression import (
    CandidateFacts,
    Compiled,
    ExpressionError,
    RequestFacts,
    compile_expression,
)
from apps.strategies.expression.questions import posed
from apps.strategies.expression.types import BOOL
from tests.strategies.generator import ExpressionGenerator

WINDOWS = (None, 8_000, 32_000, 128_000)
CANDIDATES = [
    CandidateFacts(
        name=name, model=f"m{window}", tags=("fast",), weight=1.0, context_window=window, latency_ema_ms=latency,
        price_output=price, free=price is None, vision=window == 8_000,
    )
    for name, latency, price in (("a", None, None), ("b", 120.0, 0.5))
    for window in WINDOWS
]  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> RequestFacts:
    return RequestFacts(
        prompt_tokens=draw(st.sampled_from((0, 1, 900, 8_000, 8_001, 40_000))),
        max_tokens=draw(st.sampled_from((0, 256, 32_000))),
        has_tools=draw(st.booleans()),
        language=draw(st.sampled_from(("", "en"))),
        stream=draw(st.booleans()),
        intent=draw(st.sampled_from(("chat", "coding"))),
        model=draw(st.sampled_from(("", "m8000"))),
    )


def answers(condition: Compiled, request: RequestFacts) -> list[object]:
    return [posed(question, CANDIDATES).answer(request) for question in condition.questions]


@settings(max_examples=500)
@given(st.integers(0, 2**32), requests(), requests())
def test_the_same_answers_are_the_same_verdicts_on_every_candidate(seed, one, other):
    generate = ExpressionGenerator(Random(seed))
    try:
        condition = compile_expression(generate.expression(BOOL, 4))
    except ExpressionError:
        return

    if answers(condition, one) == answers(condition, other):
        verdicts = [[condition.evaluate(each, asked) for each in CANDIDATES] for asked in (one, other)]
        assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize(
    "when",
    [
        "request.prompt_tokens > 8000",
        "request.prompt_tokens < 100 || 'fast' in tags && request.prompt_tokens > 8000",
        "context_window >= request.prompt_tokens",
        "request.prompt_tokens * 2 + request.max_tokens <= context_window",
        "latency_ema_ms < 500.0 && request.prompt_tokens >= 3000",
        "request.prompt_tokens > 8000 ? latency_ema_ms < 500.0 : free",
    ],
)
def test_lengths_on_the_same_side_of_a_mark_are_one_kind(when):
    condition = compile_expression(when)

    kinds = [
        answers(condition, RequestFacts(prompt_tokens=tokens, max_tokens=0)) for tokens in (300, 350, 9_000)
    ]

    assert kinds[0] == kinds[1]
    assert kinds[0] != kinds[2]


def test_what_is_compared_with_something_that_changes_is_asked_for_as_it_is():
    condition = compile_expression("requests_today > request.prompt_tokens")

    assert answers(condition, RequestFacts(prompt_tokens=300)) == [300]


def test_what_reads_no_request_asks_nothing():
    assert compile_expression("context_window > 8000 && latency_ema_ms < 500.0").questions == ()


def test_what_is_no_number_is_a_kind_of_its_own():
    condition = compile_expression("(request.stream ? 0.0 / 0.0 : 1.0) < weight")

    assert answers(condition, RequestFacts(stream=True)) == ["nan"]
    assert answers(condition, RequestFacts(stream=False)) == [(0, 1)]
