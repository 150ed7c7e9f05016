"""Syntax tree to checked tree: names, types and the height of the tree."""

from typing import Final

from apps.strategies.expression.core import Apply, Build, Choose, Combine, Constant, Read, Typed
from apps.strategies.expression.errors import ExpressionError, did_you_mean
from apps.strategies.expression.fields import FIELDS
from apps.strategies.expression.operators import (
    binary_overload,
    binary_signatures,
    method_function,
    unary_overload,
    unary_signatures,
)
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
from apps.strategies.expression.types import (
    BOOL,
    DOUBLE,
    EMPTY_LIST,
    INT,
    SCALARS,
    STRING,
    Type,
    list_of,
    unify,
)

MAX_HEIGHT: Final = 64
"""Levels of the syntax tree: bounds the recursion of checking, compiling and evaluating."""

_SCALAR_NAMES: Final = tuple(str(type_) for type_ in SCALARS)


def check(node: Node) -> Typed:
    """The checked tree of an expression of any type. Raises ExpressionError at the first mistake."""
    return _check(node, 1)


def check_condition(node: Node) -> Typed:
    """The checked tree of an expression that must be a bool. Raises ExpressionError."""
    typed = check(node)
    if typed.type != BOOL:
        message = f"a condition must be a bool, and this is {_a(typed.type)}"
        raise ExpressionError(_start(node), message, ("bool",))
    return typed


def _check(node: Node, height: int) -> Typed:
    if height > MAX_HEIGHT:
        raise ExpressionError(node.position, f"more than {MAX_HEIGHT} operators within each other")
    match node:
        case Literal():
            return Constant(node.type, node.value)
        case Name():
            return _check_name(node)
        case ListLiteral():
            return _check_list(node, height + 1)
        case Unary():
            return _check_unary(node, height + 1)
        case Binary():
            return _check_binary(node, height + 1)
        case Logical():
            return _check_logical(node, height + 1)
        case Conditional():
            return _check_conditional(node, height + 1)
        case Method():
            return _check_method(node, height + 1)


def _check_name(node: Name) -> Read:
    field = FIELDS.get(node.name)
    if field is None:
        message = f"there is no field {node.name}.{did_you_mean(node.name, tuple(FIELDS))}"
        raise ExpressionError(node.position, message, tuple(FIELDS))
    return Read(field)


def _check_list(node: ListLiteral, height: int) -> Build:
    items = tuple(_check(item, height) for item in node.items)
    if not items:
        return Build(EMPTY_LIST, ())
    element = items[0].type
    for item, typed in zip(node.items, items, strict=True):
        if typed.type not in SCALARS:
            raise ExpressionError(_start(item), f"a list cannot hold {_a(typed.type)}", _SCALAR_NAMES)
        if typed.type != element:
            message = (
                f"found {_a(typed.type)} in a list that began with {_a(element)}{_double_hint(item, element)}"
            )
            raise ExpressionError(_start(item), message, (str(element),))
    return Build(list_of(element), items)


def _check_unary(node: Unary, height: int) -> Apply:
    operand = _check(node.operand, height)
    overload = unary_overload(node.operator, operand.type)
    if overload is None:
        message = f"{node.operator} is not defined on {_a(operand.type)}"
        raise ExpressionError(node.position, message, unary_signatures(node.operator))
    return Apply(overload.result, overload.function, (operand,))


def _check_binary(node: Binary, height: int) -> Apply:
    left, right = _check(node.left, height), _check(node.right, height)
    overload = binary_overload(node.operator, left.type, right.type)
    if overload is None:
        hint = ""
        if {left.type, right.type} == {INT, DOUBLE}:
            hint = _double_hint(node.left, DOUBLE) or _double_hint(node.right, DOUBLE) or _NO_MIXING
        message = f"{left.type} {node.operator} {right.type} is not defined{hint}"
        raise ExpressionError(node.position, message, binary_signatures(node.operator))
    # Membership is asked of the list: contains(list, item).
    arguments = (right, left) if node.operator == "in" else (left, right)
    return Apply(overload.result, overload.function, arguments)


def _check_logical(node: Logical, height: int) -> Combine:
    operands = tuple(_check(operand, height) for operand in node.operands)
    for operand, typed in zip(node.operands, operands, strict=True):
        _require(typed.type, BOOL, operand, f"both sides of {node.operator} must be bool")
    return Combine(node.operator == "||", operands)


def _check_conditional(node: Conditional, height: int) -> Choose:
    condition = _check(node.condition, height)
    _require(condition.type, BOOL, node.condition, "what stands before ? must be a bool")
    then, otherwise = _check(node.then, height), _check(node.otherwise, height)
    result = unify(then.type, otherwise.type)
    if result is None:
        hint = _double_hint(node.then, otherwise.type) or _double_hint(node.otherwise, then.type)
        message = f"both results of ?: must have one type, found {then.type} and {otherwise.type}{hint}"
        raise ExpressionError(_start(node.otherwise), message, (str(then.type),))
    return Choose(result, condition, then, otherwise)


def _check_method(node: Method, height: int) -> Apply:
    receiver, argument = _check(node.receiver, height), _check(node.argument, height)
    if receiver.type.is_list:
        message = f"{node.name} is not defined on a list; write value in list"
        raise ExpressionError(node.position, message, ("in",))
    _require(receiver.type, STRING, node.receiver, f"{node.name} is a method of strings")
    _require(argument.type, STRING, node.argument, f"{node.name} takes a string")
    return Apply(BOOL, method_function(node.name), (receiver, argument))


_NO_MIXING: Final = "; arithmetic does not mix int and double, and there is no conversion"


def _double_hint(node: Node, wanted: Type) -> str:
    """How to write an int literal where a double is wanted; empty for anything else."""
    if wanted == DOUBLE and isinstance(node, Literal) and node.type == INT:
        return f"; write {node.value}.0"
    return ""


def _require(found: Type, wanted: Type, node: Node, rule: str) -> None:
    if found != wanted:
        raise ExpressionError(_start(node), f"{rule}, and this is {_a(found)}", (str(wanted),))


def _start(node: Node) -> int:
    """The column where the node begins: an operator's own position lies behind its left operand."""
    match node:
        case Binary(left=first) | Conditional(condition=first) | Method(receiver=first):
            return _start(first)
        case Logical(operands=(first, *_)):
            return _start(first)
        case _:
            return node.position


def _a(type_: Type) -> str:
    return f"{'an' if type_ == INT else 'a'} {type_}"
