"""Random expressions and facts for the tests of the expression language, repeatable by seed."""

from random import Random
from typing import Any, NamedTuple

from apps.strategies.expression import FIELDS, CandidateFacts, RequestFacts
from apps.strategies.expression.operators import METHODS
from apps.strategies.expression.types import BOOL, DOUBLE, INT, SCALARS, STRING, Type, list_of

INTS = (0, 1, 2, 3, 7, 10, 500, 32768, 2**31, 2**53 + 1, 2**63 - 1)
DOUBLES = ("0.0", "0.5", "1.0", "2.5", ".25", "1e3", "3.0E-2", "1e300", "500.0", "123456789.125")
STRINGS = (
    '""', "'groq'", '"fast"', "'a'", '"llama-3.3-70b"', "'\\u00e9t\\u00e9'", '"\\"q\\""', "'\\x41\\101\\n'",
    "r'\\d+'", '"\\U0001F600"', "'é'", "'''x'y'''", '"""a"b"""', "'\\\\'", "R\"'\"", "'//'",
)  # fmt: skip
WORDS = ("", "groq", "mistral", "fast", "a", "llama-3.3-70b", "été", "A", "en", "chat")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
LISTS = tuple(list_of(scalar) for scalar in SCALARS)


CONDITIONAL, UNARY, ATOM = 0, 6, 7
PRECEDENCE = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys((*COMPARISONS, "in"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/%", 5),
}


class Piece(NamedTuple):
    """A part of an expression and how tightly its outermost operator binds."""

    text: str
    precedence: int


class ExpressionGenerator:
    """Makes well-typed expressions of any type, and ones with exactly one type mistake."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def expression(self, type_: Type, depth: int) -> str:
        """An expression of that type with at most ``depth`` operators within each other."""
        return self._piece(type_, depth).text

    def mistake(self) -> str:
        """An operator on fields or literals that it is not defined on.

        Not bools beside numbers, ``bool == string``, or strings multiplied: cel-python takes these as Python
        does.
        """
        choose = self._random.choice
        string, boolean = self._leaf(STRING), self._leaf(BOOL)
        number = self._leaf(choose((INT, DOUBLE)))
        return choose((
            f"{string} {choose('-/%')} {self._leaf(STRING)}",
            f"{string} {choose((*COMPARISONS, *'+-/%'))} {number}",
            f"{number} {choose((*COMPARISONS, *'+-/%'))} {string}",
            f"{string} {choose((*COMPARISONS[:4], *'+-/%'))} {boolean}",
            f"{boolean} {choose((*COMPARISONS[:4], *'+-/%'))} {string}",
            f"{self._leaf(DOUBLE)} % {self._leaf(DOUBLE)}",
            f"!{choose((number, string))}",
            f"-{choose((string, boolean))}",
            f"{number} in {self._leaf(INT)}",
            f"tags {choose(('<', '>=', '-', '*'))} tags",
        ))  # fmt: skip

    def facts(self) -> tuple[CandidateFacts, RequestFacts]:
        """Facts with about a third of the possibly missing values missing."""
        candidate: dict[str, Any] = {}
        request: dict[str, Any] = {}
        for field in FIELDS.values():
            missing = field.may_be_missing and self._random.random() < 0.35
            target = request if field.of_request else candidate
            target[field.attribute] = None if missing else self._value(field.type)
        return CandidateFacts(**candidate), RequestFacts(**request)

    def _value(self, type_: Type) -> object:
        choose = self._random.choice
        if type_.is_list:
            return tuple(self._random.sample(WORDS, self._random.randrange(4)))
        if type_ == BOOL:
            return choose((True, False))
        if type_ == STRING:
            return choose(WORDS)
        return choose(INTS) if type_ == INT else float(choose(DOUBLES))

    def _piece(self, type_: Type, depth: int) -> Piece:
        if depth <= 0 or self._random.random() < 0.12:
            return Piece(self._leaf(type_), ATOM)
        if type_.element:
            return self._list(type_.element, depth)
        if self._random.random() < 0.1:
            return self._conditional(type_, depth)
        compound = {INT: self._int, DOUBLE: self._double, STRING: self._string, BOOL: self._bool}
        return compound[type_](depth)

    def _operand(self, type_: Type, depth: int, precedence: int) -> str:
        """An operand where at least ``precedence`` is needed: in parentheses if it must be, or for fun."""
        piece = self._piece(type_, depth - 1)
        if piece.precedence < precedence or self._random.random() < 0.2:
            return f"({piece.text})"
        return piece.text

    def _leaf(self, type_: Type) -> str:
        choose = self._random.choice
        fields = [field.name for field in FIELDS.values() if field.type == type_]
        if fields and self._random.random() < 0.6:
            return choose(fields)
        if type_.element:
            return f"[{self._leaf(type_.element)}]" if self._random.random() < 0.8 else "[]"
        if type_ == BOOL:
            return choose(("true", "false"))
        if type_ == STRING:
            return choose(STRINGS)
        sign = choose(("", "", "-"))
        if type_ == DOUBLE:
            return sign + choose(DOUBLES)
        return sign + choose((str(choose(INTS)), hex(choose(INTS)), str(self._random.randrange(100))))

    def _list(self, element: Type, depth: int) -> Piece:
        items = [self.expression(element, depth - 1) for _ in range(self._random.randrange(4))]
        return Piece(f"[{', '.join(items)}]", ATOM)

    def _conditional(self, type_: Type, depth: int) -> Piece:
        condition, then = self._operand(BOOL, depth, 1), self._operand(type_, depth, 1)
        return Piece(f"{condition} ? {then} : {self._operand(type_, depth, CONDITIONAL)}", CONDITIONAL)

    def _int(self, depth: int) -> Piece:
        return self._unary("-", INT, depth) or self._infix(INT, "+-*/%", INT, depth)

    def _double(self, depth: int) -> Piece:
        return self._unary("-", DOUBLE, depth) or self._infix(DOUBLE, "+-*/", DOUBLE, depth)

    def _string(self, depth: int) -> Piece:
        return self._infix(STRING, "+", STRING, depth)

    def _bool(self, depth: int) -> Piece:
        scalar = self._random.choice(SCALARS)
        match self._random.randrange(10):
            case 0 | 1 | 2 | 3:
                return self._infix(BOOL, ("&&", "||"), BOOL, depth)
            case 4:
                return self._unary("!", BOOL, depth) or self._method(depth)
            case 5:
                return self._infix(scalar, ("in",), list_of(scalar), depth)
            case 6:
                return self._infix(list_of(scalar), ("==", "!="), list_of(scalar), depth)
            case _:
                return self._infix(scalar, COMPARISONS, scalar, depth)

    def _unary(self, operator: str, type_: Type, depth: int) -> Piece | None:
        """One time in five; the operand is no bare literal, whose minus would become part of it."""
        if self._random.random() < 0.8:
            return None
        return Piece(f"{operator}({self._operand(type_, depth, CONDITIONAL)})", UNARY)

    def _method(self, depth: int) -> Piece:
        receiver, argument = self._operand(STRING, depth, ATOM), self._operand(STRING, depth, CONDITIONAL)
        return Piece(f"{receiver}.{self._random.choice(METHODS)}({argument})", ATOM)

    def _infix(self, left: Type, operators: str | tuple[str, ...], right: Type, depth: int) -> Piece:
        operator = self._random.choice(operators)
        precedence = PRECEDENCE[operator]
        first = self._operand(left, depth, precedence)
        second = self._operand(right, depth, precedence + 1)
        return Piece(self._random.choice((" ", " ", "\n")).join((first, operator, second)), precedence)
