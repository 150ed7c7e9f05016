"""Expressions that are large, deep, hostile or random: answered at once, with nothing but the one error."""

import string
import time
from random import Random

import pytest

from apps.strategies.expression import (
    FIELDS,
    UNKNOWN,
    CandidateFacts,
    ExpressionError,
    RequestFacts,
    compile_expression,
)
from apps.strategies.expression.checker import MAX_HEIGHT
from apps.strategies.expression.lexer import MAX_SOURCE_LENGTH
from apps.strategies.expression.parser import MAX_NESTING, MAX_NODES
from tests.strategies.generator import ExpressionGenerator


def test_accepts_the_sizes_that_cel_demands():
    for chain in (" || ", " && ", " == "):
        compile_expression(chain.join(["free"] * 33))
    compile_expression("+".join(["1"] * 33) + " > 0")
    compile_expression("(" * 32 + "free" + ")" * 32)
    compile_expression("1 in [" + ", ".join(["1"] * 32) + "]")
    compile_expression("free ? true : " * 32 + "false")


@pytest.mark.parametrize(
    "source",
    [
        "(" * (MAX_NESTING + 1) + "free" + ")" * (MAX_NESTING + 1),
        "[" * 2000,
        "(" * 2000,
        "!" * 2000,
        "-" * 1999 + "1",
        "+".join(["1"] * (MAX_HEIGHT + 1)) + " > 0",
        "||".join(["free"] * (MAX_NODES + 1)),
        "free?" * 300,
        "free?free:" * 150 + "free",
        "'" + "a" * MAX_SOURCE_LENGTH + "'",
    ],
    ids=lambda source: source[:8],
)
def test_refuses_what_is_too_large_or_deep(source):
    assert assert_compiles_or_is_refused(source) is None


def test_any_text_compiles_or_is_refused_with_a_position_in_it():
    random = Random(11)
    alphabet = string.printable + "é😀\x00\ud800" + "()[]&&||!'\"\\" * 5

    for _ in range(3000):
        source = "".join(random.choices(alphabet, k=random.randrange(60)))
        assert_compiles_or_is_refused(source)


def test_any_mutation_compiles_or_is_refused_and_evaluating_never_raises():
    random = Random(12)
    generator = ExpressionGenerator(random)

    for _ in range(3000):
        pieces = list(generator.expression(FIELDS["free"].type, depth=3))
        for _ in range(random.randrange(1, 4)):
            pieces[random.randrange(len(pieces))] = random.choice(string.punctuation + " 0aé")
        compiled = assert_compiles_or_is_refused("".join(pieces))
        if compiled is not None:
            assert compiled.evaluate(*generator.facts()) in (True, False, UNKNOWN)


def assert_compiles_or_is_refused(source):
    """The compiled expression; None if it was refused with a message and a position inside the source."""
    try:
        return compile_expression(source)
    except ExpressionError as error:
        refused = error
    assert 0 <= refused.position <= len(source)
    assert refused.message
    return None


@pytest.mark.parametrize(
    "piece", ["'", '"""', "\\", "'\\", "//", "0x", "1e", "((", "a.", "!-", "[,", "r'", "\n"]
)
def test_hostile_repetition_is_answered_at_once(piece):
    source = (piece * MAX_SOURCE_LENGTH)[:MAX_SOURCE_LENGTH]
    started = time.thread_time()

    assert_compiles_or_is_refused(source)

    assert time.thread_time() - started < 0.2


def test_a_common_clause_costs_about_a_microsecond():
    evaluate_once = compile_expression("latency_ema_ms < 500").evaluate
    facts = (CandidateFacts(latency_ema_ms=120.0), RequestFacts())

    best_ns = min(time_thousand(evaluate_once, *facts) for _ in range(20))

    assert best_ns < 2000  # 130 on the machine that this was written on; the margin is for busy ones


def time_thousand(evaluate_once, candidate, request):
    """Nanoseconds a call, over a thousand calls."""
    started = time.thread_time_ns()
    for _ in range(1000):
        evaluate_once(candidate, request)
    return (time.thread_time_ns() - started) / 1000
