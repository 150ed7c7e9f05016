"""The expression language of strategies: a typed subset of CEL (docs/STRATEGY_DSL.md).

    compiled = compile_expression("latency_ema_ms < 500")
    compiled.evaluate(CandidateFacts(latency_ema_ms=120.0), RequestFacts())  # True
    compiled.evaluate(CandidateFacts(), RequestFacts())                      # UNKNOWN

Pure: no Django, no clock, no I/O. Everything wrong is found when compiling; evaluating never raises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from apps.strategies.expression.checker import check_condition
from apps.strategies.expression.compiler import compile_typed
from apps.strategies.expression.errors import ExpressionError
from apps.strategies.expression.fields import FIELDS, CandidateFacts, Field, RequestFacts, Source
from apps.strategies.expression.parser import parse
from apps.strategies.expression.questions import Question, questions
from apps.strategies.expression.syntax import Name, Node, walk

__all__ = [
    "FIELDS",
    "UNKNOWN",
    "CandidateFacts",
    "Compiled",
    "ExpressionError",
    "Field",
    "RequestFacts",
    "Source",
    "Verdict",
    "compile_expression",
]

UNKNOWN: Final = None
"""What an expression is when it reads something that is not known, or divides by zero, or overflows."""

Verdict: TypeAlias = bool | None
"""True, False or UNKNOWN."""

Evaluate: TypeAlias = Callable[[CandidateFacts, RequestFacts], Verdict]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition that is ready to run.

    ``evaluate`` is an attribute, not a method, so that a call goes straight to the closure. It returns
    True, False or UNKNOWN and never raises. ``fields`` are the fields it reads, in the schema's order;
    ``questions`` is what of the request its verdict hangs on.
    """

    source: str
    syntax: Node
    fields: tuple[Field, ...]
    evaluate: Evaluate
    questions: tuple[Question, ...]


def compile_expression(source: str) -> Compiled:
    """Parses, checks and compiles a condition. Raises ExpressionError."""
    syntax = parse(source)
    checked = check_condition(syntax)
    run = cast(Evaluate, compile_typed(checked))  # of a condition, says the checker
    named = {node.name for node in walk(syntax) if isinstance(node, Name)}
    fields = tuple(field for field in FIELDS.values() if field.name in named)
    return Compiled(source, syntax, fields, run, tuple(questions(checked)))
