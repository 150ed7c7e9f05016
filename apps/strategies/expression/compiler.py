"""Checked tree to closures.

A closure takes the candidate and the request and returns the value, None for unknown. Evaluating is nothing
but closures calling each other: no text is ever executed, nothing is looked up by name, nothing can raise.
Constant parts are computed once, here; a field against a constant, which is what most clauses are, costs a
single call.
"""

from collections.abc import Callable
from operator import attrgetter

from apps.strategies.expression.core import Apply, Build, Choose, Combine, Constant, Read, Typed
from apps.strategies.expression.fields import CandidateFacts, Field, RequestFacts
from apps.strategies.expression.operators import Function
from apps.strategies.expression.types import BOOL, Value

Run = Callable[[CandidateFacts, RequestFacts], Value]
Getter = Callable[[CandidateFacts], Value]


def compile_typed(node: Typed) -> Run:
    """The closure that computes ``node``."""
    return _emit(fold(node))


def fold(node: Typed) -> Typed:
    """``node`` with everything computed that depends on neither candidate nor request."""
    match node:
        case Constant() | Read():
            return node
        case Apply():
            arguments = tuple(fold(argument) for argument in node.arguments)
            if any(isinstance(argument, Constant) and argument.value is None for argument in arguments):
                return Constant(node.type, None)
            values = [argument.value for argument in arguments if isinstance(argument, Constant)]
            if len(values) == len(arguments):
                return Constant(node.type, node.function(*values))
            return Apply(node.type, node.function, arguments)
        case Combine():
            return _fold_combine(node)
        case Choose():
            return _fold_choose(node)
        case Build():
            items = tuple(fold(item) for item in node.items)
            values = [item.value for item in items if isinstance(item, Constant)]
            if None in values:
                return Constant(node.type, None)
            constant = len(values) == len(items)
            return Constant(node.type, tuple(values)) if constant else Build(node.type, items)


def _fold_combine(node: Combine) -> Typed:
    operands = [fold(operand) for operand in node.operands]
    values = [operand.value for operand in operands if isinstance(operand, Constant)]
    if node.decisive in values:
        return Constant(BOOL, node.decisive)
    open_operands = tuple(operand for operand in operands if not isinstance(operand, Constant))
    unknown = (Constant(BOOL, None),) if None in values else ()
    match open_operands + unknown:
        case ():
            return Constant(BOOL, not node.decisive)
        case (only,):
            return only
        case several:
            return Combine(node.decisive, several)


def _fold_choose(node: Choose) -> Typed:
    condition = fold(node.condition)
    if not isinstance(condition, Constant):
        return Choose(node.type, condition, fold(node.then), fold(node.otherwise))
    if condition.value is None:
        return Constant(node.type, None)
    return fold(node.then if condition.value else node.otherwise)


def _emit(node: Typed) -> Run:
    match node:
        case Constant(value=value):
            return lambda candidate, request: value
        case Read(field=field):
            return _read(field)
        case Apply():
            return _emit_apply(node)
        case Combine(decisive=decisive, operands=operands):
            return _combine([_emit(operand) for operand in operands], decisive=decisive)
        case Choose():
            return _choose(_emit(node.condition), _emit(node.then), _emit(node.otherwise))
        case Build(items=items):
            return _build([_emit(item) for item in items])


def _emit_apply(node: Apply) -> Run:
    function = node.function
    match node.arguments:
        case (only,):
            return _unary(function, _emit(only))
        case (Read(field=field), Constant(value=value)) if not field.of_request:
            return _field_and_constant(function, attrgetter(field.attribute), value)
        case (left, right):
            return _binary(function, _emit(left), _emit(right))
        case _:
            raise AssertionError("operators and methods have one or two operands")


def _read(field: Field) -> Run:
    get = attrgetter(field.attribute)
    if field.of_request:
        return lambda candidate, request: get(request)
    return lambda candidate, request: get(candidate)


def _unary(function: Function, operand: Run) -> Run:
    def run(candidate: CandidateFacts, request: RequestFacts) -> Value:
        value = operand(candidate, request)
        return None if value is None else function(value)

    return run


def _field_and_constant(function: Function, get: Getter, constant: Value) -> Run:
    def run(candidate: CandidateFacts, request: RequestFacts) -> Value:
        value = get(candidate)
        return None if value is None else function(value, constant)

    return run


def _binary(function: Function, left: Run, right: Run) -> Run:
    def run(candidate: CandidateFacts, request: RequestFacts) -> Value:
        first = left(candidate, request)
        if first is None:
            return None
        second = right(candidate, request)
        return None if second is None else function(first, second)

    return run


def _combine(operands: list[Run], *, decisive: bool) -> Run:
    """Reads on past an unknown operand: ``unknown && false`` is false, as CEL absorbs errors."""
    neutral = not decisive

    def run(candidate: CandidateFacts, request: RequestFacts) -> Value:
        verdict: bool | None = neutral
        for operand in operands:
            value = operand(candidate, request)
            if value is decisive:
                return value
            if value is None:
                verdict = None
        return verdict

    return run


def _choose(condition: Run, then: Run, otherwise: Run) -> Run:
    def run(candidate: CandidateFacts, request: RequestFacts) -> Value:
        verdict = condition(candidate, request)
        if verdict is None:
            return None
        return then(candidate, request) if verdict else otherwise(candidate, request)

    return run


def _build(items: list[Run]) -> Run:
    def run(candidate: CandidateFacts, request: RequestFacts) -> Value:
        values = tuple([item(candidate, request) for item in items])
        return None if None in values else values

    return run
