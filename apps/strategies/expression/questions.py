"""What a condition asks of a request: two requests with the same answers get the same verdicts, of every candidate.

`request.prompt_tokens > 8000` asks for a yes or no, `context_window > 2 * request.prompt_tokens` where a number stands among the context
windows that there are. So requests of any length are of a few kinds, and not each of its own.
"""

import math
import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.strategies.expression.compiler import compile_typed
from apps.strategies.expression.core import Apply, Build, Choose, Combine, Constant, Read, Typed
from apps.strategies.expression.fields import CandidateFacts, RequestFacts, Source
from apps.strategies.expression.types import Value

Answer = Value | tuple[int, int]
COMPARISONS: Final = frozenset({operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne})
NOT_A_NUMBER: Final = "nan"
OF_REQUEST: Final = frozenset({Source.REQUEST})
OF_CATALOGUE: Final = frozenset({Source.CATALOGUE})
NO_CANDIDATE: Final = CandidateFacts()
NO_REQUEST: Final = RequestFacts()


@dataclass(frozen=True, slots=True)
class Question:
    """A part of a condition that reads nothing but the request. `beside`: what of the catalogue it is compared with, where all that
    matters is which of the two is greater; None where its value matters."""

    ask: Callable[[RequestFacts], Value]
    beside: Callable[[CandidateFacts], Value] | None = None


@dataclass(frozen=True, slots=True)
class Posed:
    """A question among certain candidates. `marks`: the values that they have beside it, in order; None where there are none to have."""

    ask: Callable[[RequestFacts], Value]
    marks: Sequence[Any] | None

    def answer(self, request: RequestFacts) -> Answer:
        """Hashable, and the same for requests that make no difference here."""
        value = self.ask(request)
        if _is_nan(value):  # which is equal to nothing, itself included
            return NOT_A_NUMBER
        if self.marks is None or value is None:
            return value
        return bisect_left(self.marks, value), bisect_right(self.marks, value)


def questions(node: Typed) -> Iterator[Question]:
    """All that a checked condition asks of a request."""
    sources = _sources(node)
    if Source.REQUEST not in sources:
        return
    if sources == OF_REQUEST:
        yield Question(_of_request(node))
    elif compared := _compared_with_catalogue(node):
        yield compared
    else:
        for part in _parts(node):
            yield from questions(part)


def posed(question: Question, candidates: Sequence[CandidateFacts]) -> Posed:
    """The question among these candidates."""
    if question.beside is None:
        return Posed(question.ask, None)
    values = {question.beside(each) for each in candidates}
    marks: list[Any] = [value for value in values if value is not None and not _is_nan(value)]
    return Posed(question.ask, sorted(marks))


def _compared_with_catalogue(node: Typed) -> Question | None:
    """The question that a comparison with a fact of the catalogue comes to; None for anything else."""
    if not isinstance(node, Apply) or node.function not in COMPARISONS:
        return None
    left, right = node.arguments
    if left.type.is_list or right.type.is_list:
        return None
    match _sources(left), _sources(right):
        case (of_left, of_right) if of_left == OF_REQUEST and of_right == OF_CATALOGUE:
            return Question(_of_request(left), _of_candidate(right))
        case (of_left, of_right) if of_left == OF_CATALOGUE and of_right == OF_REQUEST:
            return Question(_of_request(right), _of_candidate(left))
    return None


def _of_request(node: Typed) -> Callable[[RequestFacts], Value]:
    run = compile_typed(node)
    return lambda request: run(NO_CANDIDATE, request)


def _of_candidate(node: Typed) -> Callable[[CandidateFacts], Value]:
    run = compile_typed(node)
    return lambda candidate: run(candidate, NO_REQUEST)


def _sources(node: Typed) -> frozenset[Source]:
    """Where all that it reads comes from."""
    if isinstance(node, Read):
        return frozenset({node.field.source})
    return frozenset().union(*map(_sources, _parts(node)))


def _parts(node: Typed) -> tuple[Typed, ...]:
    match node:
        case Constant() | Read():
            return ()
        case Apply(arguments=parts) | Combine(operands=parts) | Build(items=parts):
            return parts
        case Choose(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)


def _is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)
