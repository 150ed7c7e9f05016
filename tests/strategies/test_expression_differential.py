"""The language against cel-python, an independent implementation of CEL.

Three properties over random expressions and facts, some values missing:

- a well-typed expression has the same value, and is unknown exactly where CEL raises;
- an expression with a type mistake is refused, and CEL raises;
- a mutated expression that is still accepted is CEL, with the same value.

cel-python differs from the CEL specification in places. Each is named in ``DEVIATIONS``, left out of the
comparison only when an expression really meets it, and pinned by a test that fails once it is mended.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest
from celpy import celtypes

from apps.strategies.expression import CandidateFacts, ExpressionError, RequestFacts
from apps.strategies.expression.checker import check
from apps.strategies.expression.compiler import compile_typed
from apps.strategies.expression.core import Apply, Build, Choose, Combine, Constant, Read, Typed
from apps.strategies.expression.literals import INT_MIN
from apps.strategies.expression.operators import binary_overload, method_function
from apps.strategies.expression.parser import parse
from apps.strategies.expression.types import BOOL, DOUBLE, INT, SCALARS, STRING, Type, list_of
from tests.strategies.generator import ExpressionGenerator
from tests.strategies.reference import ERROR, REFUSED, Facts, reference

INSERTIONS = (
    "(", ")", "-", "!", " ", "1", ".", " in ", "'", "&&", "//", "?", "\\", "[", "e", "0x", "=", "\n",
)  # fmt: skip


def same(ours: object, theirs: object) -> bool:
    """Whether both have the same value; a double is told from an int, and -0.0 from 0.0."""
    if isinstance(ours, tuple) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    kinds: list[tuple[type, type]] = [
        (bool, celtypes.BoolType),
        (int, celtypes.IntType),
        (float, float),
        (str, str),
    ]
    if not any(type(ours) is kind and isinstance(theirs, other) for kind, other in kinds):
        return False
    if isinstance(ours, float) and isinstance(theirs, float):
        return (math.isnan(ours) and math.isnan(theirs)) or repr(ours) == repr(float(theirs))
    return ours == theirs


def parts(node: Typed) -> Iterator[Typed]:
    """The node and everything below it."""
    yield node
    match node:
        case Apply(arguments=below) | Combine(operands=below) | Build(items=below):
            pass
        case Choose(condition=condition, then=then, otherwise=otherwise):
            below = (condition, then, otherwise)
        case Constant() | Read():
            below = ()
    for part in below:
        yield from parts(part)


def _mixes_numbers(node: Apply, facts: Facts) -> bool:
    numbers = [argument.type.element or argument.type for argument in node.arguments]
    return set(numbers) == {INT, DOUBLE}


def _divides_by_zero(node: Apply, facts: Facts) -> bool:
    divide = binary_overload("/", DOUBLE, DOUBLE)
    return (
        divide is not None
        and node.function is divide.function
        and compile_typed(node.arguments[1])(*facts) == 0
    )


def _overflows_by_remainder(node: Apply, facts: Facts) -> bool:
    remainder = binary_overload("%", INT, INT)
    if remainder is None or node.function is not remainder.function:
        return False
    return [compile_typed(argument)(*facts) for argument in node.arguments] == [INT_MIN, -1]


def _searches_a_computed_string(node: Apply, facts: Facts) -> bool:
    receiver = node.arguments[0]
    contains = node.function is method_function("contains") and receiver.type == STRING
    return contains and not isinstance(receiver, Constant | Read)


# In a raw string CEL gives a backslash no meaning; cel-python reads on past the quote behind it.
RAW_STRING_WITH_LAST_BACKSLASH = re.compile(r"""[rR](['"]).*?\\\1""")

DEVIATIONS: dict[str, Callable[[Apply, Facts], bool]] = {
    # CEL orders and equates int and double by their value; cel-python finds no overload.
    "numbers of two types are not compared": _mixes_numbers,
    # IEEE 754 asks for an infinity with the sign of both or for NaN; cel-python always answers +inf.
    "a double divided by zero is inf": _divides_by_zero,
    # CEL counts INT_MIN % -1 as an overflow; cel-python answers 0.
    "the smallest int % -1 is 0": _overflows_by_remainder,
    # A string made by + has all string methods in CEL; in cel-python it lacks contains.
    "a concatenation has no contains": _searches_a_computed_string,
}


def deviation(source: str, node: Typed, facts: Facts) -> str | None:
    """The known deviation of the reference that the expression meets with these facts."""
    if RAW_STRING_WITH_LAST_BACKSLASH.search(source):
        return "a backslash hides the quote that closes a raw string"
    applications = [part for part in parts(node) if isinstance(part, Apply)]
    for name, meets in DEVIATIONS.items():
        if any(meets(application, facts) for application in applications):
            return name
    return None


def any_type(random: Random) -> Type:
    return random.choice((BOOL, BOOL, BOOL, *SCALARS, list_of(random.choice(SCALARS))))


def compare(source: str, facts: Facts) -> str | None:
    """Asserts that both agree on ``source``; returns the deviation that kept it from being compared."""
    typed = check(parse(source))
    if known := deviation(source, typed, facts):
        return known
    ours, theirs = compile_typed(typed)(*facts), reference(source, facts)
    if ours is None:
        assert theirs is ERROR, f"{source!r} with {facts}: unknown, CEL {theirs!r}"
    else:
        assert same(ours, theirs), f"{source!r} with {facts}: {ours!r}, CEL {theirs!r}"
    return None


def assert_same_values(seed: int, count: int) -> Counter[str | None]:
    """Compares ``count`` well-typed expressions; returns how many were left out, and why (None: compared)."""
    random = Random(seed)
    generator = ExpressionGenerator(random)
    outcomes: Counter[str | None] = Counter()
    while outcomes[None] < count:
        source = generator.expression(any_type(random), depth=random.randrange(1, 5))
        outcomes[compare(source, generator.facts())] += 1
    return outcomes


def test_gives_the_values_of_cel():
    assert_same_values(seed=1, count=500)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_gives_the_values_of_cel_at_length(seed):
    outcomes = assert_same_values(seed, count=1000)

    assert outcomes[None] > 0.9 * outcomes.total(), f"too much is left out: {outcomes}"


def test_refuses_type_mistakes_as_cel_does():
    random = Random(2)
    generator = ExpressionGenerator(random)

    for _ in range(500):
        source, facts = generator.mistake(), generator.facts()
        with pytest.raises(ExpressionError):
            check(parse(source))
        assert reference(source, facts) is ERROR, source


def assert_accepted_mutations_are_cel(seed: int, count: int) -> None:
    """Mutates expressions until ``count`` were still accepted and compared."""
    random = Random(seed)
    generator = ExpressionGenerator(random)
    compared = 0
    while compared < count:
        source = mutate(random, generator.expression(BOOL, depth=2))
        try:
            compared += compare(source, generator.facts()) is None
        except ExpressionError:
            continue


def mutate(random: Random, source: str) -> str:
    """``source`` with a piece of one to three characters deleted, doubled, or put in."""
    at, size = random.randrange(len(source)), random.randrange(1, 4)
    middle = random.choice(
        ("", source[at : at + size] * 2, source[at : at + size] + random.choice(INSERTIONS))
    )
    return source[:at] + middle + source[at + size :]


def test_accepts_no_mutation_that_is_not_cel():
    assert_accepted_mutations_are_cel(seed=3, count=200)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 205))
def test_accepts_no_mutation_that_is_not_cel_at_length(seed):
    assert_accepted_mutations_are_cel(seed, count=400)


@pytest.mark.parametrize(
    ("source", "ours", "reference_says"),
    [
        ("1 < 2.5", True, ERROR),
        ("2 == 2.0", True, ERROR),
        ("9007199254740993 == 9007199254740992.0", False, ERROR),
        ("1 in [1.0]", True, ERROR),
        ("-1.0 / 0.0", -math.inf, math.inf),
        ("1.0 / -0.0", -math.inf, math.inf),
        ("0.0 / 0.0", math.nan, math.inf),
        ("-9223372036854775808 % -1", None, 0),
        ("('a' + 'b').contains('b')", True, ERROR),
        (r"r'a\'.contains('b')", False, REFUSED),
        (r"'\?\`' == '?`'", True, False),
        (r"'\X41' == 'A'", True, False),
        ("'''a\nb''' == 'a\\nb'", True, False),
    ],
)
def test_pins_where_cel_python_leaves_the_specification(source, ours, reference_says):
    value = compile_typed(check(parse(source)))(CandidateFacts(), RequestFacts())
    theirs = reference(source, (CandidateFacts(), RequestFacts()))

    assert repr(value) == repr(ours)
    assert theirs is reference_says or theirs == reference_says


@pytest.mark.parametrize(
    "source",
    [
        "1.",
        "1e400",
        r"'\q'",
        "true < 2",
        "true == 'a'",
        "1 + true",
        "'a' * true",
        "1 + 2.0",
        "1 in 'abc'",
        "- 9223372036854775808 < 0 ? 1 : 2.0",
    ],
)
def test_refuses_what_cel_python_takes_outside_the_specification(source):
    """Not compared above: CEL's grammar and checker refuse these, cel-python leaves them to Python."""
    with pytest.raises(ExpressionError):
        check(parse(source))
