"""Tokens to the syntax tree: precedence climbing over CEL's grammar.

Nesting and size are bounded here, the height of the tree by the checker, so that no expression can exhaust
the stack or cost more than a known amount. CEL asks for 32 levels and 32 repetitions; these bounds give more.
"""

from typing import Final

from apps.strategies.expression.errors import ExpressionError
from apps.strategies.expression.fields import FIELDS, REQUEST_PREFIX
from apps.strategies.expression.lexer import Kind, Token, tokenize
from apps.strategies.expression.literals import parse_int
from apps.strategies.expression.operators import METHODS
from apps.strategies.expression.syntax import (
    Binary,
    Conditional,
    ListLiteral,
    Literal,
    Logical,
    Method,
    Name,
    Node,
    Unary,
)
from apps.strategies.expression.types import BOOL, DOUBLE, INT, STRING

MAX_NESTING: Final = 40
"""Levels of parentheses, brackets, arguments and conditionals within each other."""
MAX_NODES: Final = 256
"""Operators, fields and literals of one expression: the bound of what one evaluation can cost."""

_PRECEDENCE: Final = {
    "||": 1, "&&": 2,
    "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip
_OPERAND: Final = ("a field", "a number", "a string", "true", "false", "[", "(", "!", "-")
_AFTER_OPERAND: Final = (*_PRECEDENCE, "?", "the end of the expression")
_REQUEST: Final = REQUEST_PREFIX.rstrip(".")
_REQUEST_FIELDS: Final = tuple(field.attribute for field in FIELDS.values() if field.of_request)


def parse(source: str) -> Node:
    """The syntax tree of ``source``. Raises ExpressionError."""
    return _Parser(tokenize(source)).parse()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self._nesting = 0
        self._nodes = 0

    def parse(self) -> Node:
        node = self._expression()
        if self._current.kind is not Kind.END:
            raise self._unexpected(_AFTER_OPERAND)
        return node

    @property
    def _current(self) -> Token:
        return self._tokens[self._index]

    def _advance(self) -> Token:
        token = self._current
        self._index += 1
        return token

    def _at(self, text: str) -> bool:
        return self._current.text == text

    def _expect(self, text: str) -> Token:
        if not self._at(text):
            raise self._unexpected((text,))
        return self._advance()

    def _unexpected(self, allowed: tuple[str, ...]) -> ExpressionError:
        token = self._current
        expected = allowed[0] if len(allowed) == 1 else "one of " + ", ".join(allowed)
        return ExpressionError(token.position, f"found {token.describe()}, expected {expected}", allowed)

    def _count(self, position: int) -> int:
        """Counts one more node; returns its position."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"the expression has more than {MAX_NODES} operators, fields and literals"
            raise ExpressionError(position, message)
        return position

    def _expression(self) -> Node:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise ExpressionError(self._current.position, f"nested more than {MAX_NESTING} levels deep")
        node = self._binary(1)
        if self._at("?"):
            position = self._count(self._advance().position)
            then = self._binary(1)
            self._expect(":")
            node = Conditional(position, node, then, self._expression())
        self._nesting -= 1
        return node

    def _binary(self, minimum: int) -> Node:
        """Operators of at least the precedence ``minimum``, all associating to the left."""
        left = self._unary()
        while True:
            token = self._current
            precedence = _PRECEDENCE.get(token.text, 0)
            if precedence < minimum:
                return left
            position = self._count(self._advance().position)
            left = _join(position, token.text, left, self._binary(precedence + 1))

    def _unary(self) -> Node:
        prefixes: list[Token] = []
        while self._at("!") or self._at("-"):
            prefixes.append(self._advance())
            self._count(prefixes[-1].position)
        if prefixes and prefixes[-1].text == "-" and self._current.kind is Kind.INT:
            # The minus belongs to the literal: -9223372036854775808 is an int, its positive is none.
            node: Node = self._int(negative=True, position=prefixes.pop().position)
        else:
            node = self._member()
        for prefix in reversed(prefixes):
            node = Unary(prefix.position, prefix.text, node)
        return node

    def _member(self) -> Node:
        node = self._primary()
        while self._at("."):
            self._advance()
            node = self._method(node)
        if self._at("["):
            raise ExpressionError(self._current.position, "lists are not indexed; use in", ("in",))
        return node

    def _method(self, receiver: Node) -> Node:
        token = self._current
        if token.kind is not Kind.NAME:
            raise self._unexpected(METHODS)
        if token.text not in METHODS:
            raise ExpressionError(token.position, f"{token.text} is not a method or member here", METHODS)
        self._advance()
        self._count(token.position)
        self._expect("(")
        argument = self._expression()
        self._expect(")")
        return Method(token.position, receiver, token.text, argument)

    def _primary(self) -> Node:
        token = self._current
        match token.kind:
            case Kind.INT:
                return self._int(negative=False, position=token.position)
            case Kind.DOUBLE:
                return Literal(self._count(self._advance().position), token.value, DOUBLE)
            case Kind.STRING:
                return Literal(self._count(self._advance().position), token.value, STRING)
            case Kind.NAME if token.text != "in":
                return self._name()
        if self._at("("):
            return self._parenthesized()
        if self._at("["):
            return self._list()
        raise self._unexpected(_OPERAND)

    def _int(self, *, negative: bool, position: int) -> Literal:
        value = parse_int(self._advance().text, position, negative=negative)
        return Literal(self._count(position), value, INT)

    def _name(self) -> Node:
        token = self._advance()
        self._count(token.position)
        if token.text in ("true", "false"):
            return Literal(token.position, token.text == "true", BOOL)
        name = token.text
        if name == _REQUEST:
            self._expect(".")
            if self._current.kind is not Kind.NAME:
                raise self._unexpected(_REQUEST_FIELDS)
            name = REQUEST_PREFIX + self._advance().text
        if self._at("("):
            message = f"there is no function {name}; the only calls are the string methods"
            raise ExpressionError(token.position, message, METHODS)
        return Name(token.position, name)

    def _parenthesized(self) -> Node:
        self._advance()
        node = self._expression()
        self._expect(")")
        return node

    def _list(self) -> ListLiteral:
        position = self._count(self._advance().position)
        items: list[Node] = []
        while not self._at("]"):
            if items and not self._at(","):
                raise self._unexpected((",", "]"))
            if items:
                self._advance()
            items.append(self._expression())
        self._advance()
        return ListLiteral(position, tuple(items))


def _join(position: int, operator: str, left: Node, right: Node) -> Node:
    """The node of a binary operator; a chain of one logical operator becomes a single node."""
    if operator not in ("&&", "||"):
        return Binary(position, operator, left, right)
    if isinstance(left, Logical) and left.operator == operator:
        return Logical(left.position, operator, (*left.operands, right))
    return Logical(position, operator, (left, right))
