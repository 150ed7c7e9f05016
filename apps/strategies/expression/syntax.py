"""The syntax tree: what was written, before names and types are looked at.

Every node carries ``position``, the 0-based column that an error about it points to.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.strategies.expression.types import Type


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, string or bool, with the type that its spelling gives it."""

    position: int
    value: int | float | str | bool
    type: Type


@dataclass(frozen=True, slots=True)
class Name:
    """A field: ``latency_ema_ms`` or ``request.stream``."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class ListLiteral:
    position: int
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """``-operand`` or ``!operand``."""

    position: int
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison or ``in``; ``position`` is that of the operator."""

    position: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logical:
    """A whole chain of one of ``&&`` and ``||``: at least two operands."""

    position: int
    operator: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Conditional:
    """``condition ? then : otherwise``; ``position`` is that of the question mark."""

    position: int
    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class Method:
    """``receiver.name(argument)``; ``position`` is that of the name."""

    position: int
    receiver: "Node"
    name: str
    argument: "Node"


Node = Literal | Name | ListLiteral | Unary | Binary | Logical | Conditional | Method


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order of the source."""
    match node:
        case Literal() | Name():
            return ()
        case ListLiteral(items=parts) | Logical(operands=parts):
            return parts
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case Method(receiver=receiver, argument=argument):
            return (receiver, argument)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)
