"""What every operator and method means: its overloads by static type, and the function behind each.

The functions take values that are known and return None for what CEL calls a run-time error (division by
zero, a result outside int64). They never raise. Where CEL gives a value, they give the same one.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from apps.strategies.expression.literals import INT_MAX, INT_MIN
from apps.strategies.expression.types import (
    BOOL,
    DOUBLE,
    EMPTY_LIST,
    INT,
    STRING,
    Type,
    Value,
    comparable,
    orderable,
)

Function = Callable[..., Value]


@dataclass(frozen=True, slots=True)
class Overload:
    """The result type and the function of an operator on operands of certain types."""

    result: Type
    function: Function


def _in_range(value: int) -> int | None:
    return value if INT_MIN <= value <= INT_MAX else None


def _add_int(left: int, right: int) -> int | None:
    return _in_range(left + right)


def _subtract_int(left: int, right: int) -> int | None:
    return _in_range(left - right)


def _multiply_int(left: int, right: int) -> int | None:
    return _in_range(left * right)


def _divide_int(left: int, right: int) -> int | None:
    """Truncates towards zero, where Python's // would round down."""
    if right == 0:
        return None
    quotient = abs(left) // abs(right)
    return _in_range(quotient if (left < 0) == (right < 0) else -quotient)


def _remainder_int(left: int, right: int) -> int | None:
    """Takes the sign of the dividend. The smallest int % -1 overflows, as its division does."""
    if right == 0 or (left == INT_MIN and right == -1):
        return None
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


def _negate_int(value: int) -> int | None:
    return _in_range(-value)


def _divide_double(left: float, right: float) -> float:
    """IEEE 754 division, where Python would raise: x / 0.0 is an infinity, 0.0 / 0.0 not a number."""
    if right != 0.0:
        return left / right
    if left == 0.0 or math.isnan(left):
        # A new object on purpose: Python's tuples take an object for equal to itself, and NaN is not.
        return float("nan")
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


_ARITHMETIC: Final[dict[tuple[str, Type], Function]] = {
    ("+", INT): _add_int,
    ("+", DOUBLE): operator.add,
    ("+", STRING): operator.add,
    ("-", INT): _subtract_int,
    ("-", DOUBLE): operator.sub,
    ("*", INT): _multiply_int,
    ("*", DOUBLE): operator.mul,
    ("/", INT): _divide_int,
    ("/", DOUBLE): _divide_double,
    ("%", INT): _remainder_int,
}
_EQUALITY: Final[dict[str, Function]] = {"==": operator.eq, "!=": operator.ne}
_ORDER: Final[dict[str, Function]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNARY: Final[dict[tuple[str, Type], Function]] = {
    ("-", INT): _negate_int,
    ("-", DOUBLE): operator.neg,
    ("!", BOOL): operator.not_,
}
_METHOD_FUNCTIONS: Final[dict[str, Function]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
METHODS: Final = tuple(_METHOD_FUNCTIONS)
"""The string methods: one string argument each, bool result."""


def binary_overload(symbol: str, left: Type, right: Type) -> Overload | None:
    """The meaning of ``left symbol right``; None where there is none.

    The function of ``in`` takes the list first.
    """
    if symbol == "in":
        contained = right == EMPTY_LIST or (right.element is not None and comparable(left, right.element))
        return Overload(BOOL, operator.contains) if contained else None
    if symbol in _EQUALITY:
        return Overload(BOOL, _EQUALITY[symbol]) if comparable(left, right) else None
    if symbol in _ORDER:
        return Overload(BOOL, _ORDER[symbol]) if orderable(left, right) else None
    function = _ARITHMETIC.get((symbol, left))
    return Overload(left, function) if function and left == right else None


def unary_overload(symbol: str, operand: Type) -> Overload | None:
    """The meaning of ``symbol operand``, or None."""
    function = _UNARY.get((symbol, operand))
    return Overload(operand, function) if function else None


def method_function(name: str) -> Function:
    """The function of one of METHODS, called with the receiver and the argument."""
    return _METHOD_FUNCTIONS[name]


def binary_signatures(symbol: str) -> tuple[str, ...]:
    """What ``symbol`` is defined on, as an error lists it."""
    if symbol == "in":
        return ("int in list<int>", "double in list<double>", "string in list<string>", "bool in list<bool>")
    if symbol in _EQUALITY or symbol in _ORDER:
        pairs = ["int and double", "string and string", "bool and bool"]
        pairs += ["list and list"] if symbol in _EQUALITY else []
        return tuple(f"{symbol} of {pair}" for pair in pairs)
    return tuple(f"{type_} {symbol} {type_}" for known, type_ in _ARITHMETIC if known == symbol)


def unary_signatures(symbol: str) -> tuple[str, ...]:
    """What the prefix ``symbol`` is defined on, as an error lists it."""
    return tuple(f"{symbol}{type_}" for known, type_ in _UNARY if known == symbol)
