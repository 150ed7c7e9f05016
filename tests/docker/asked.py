"""What a PromQL query asks for: its series, and the labels that it names."""

from dataclasses import dataclass, field
from typing import Any

import promql_parser


@dataclass
class Asked:
    """`series`: each selector's metric with its matchers, as (label, value) where one value is demanded. `labels`: every label named, by
    the metric that it is asked of, those of `by` clauses included."""

    series: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    labels: dict[str, set[str]] = field(default_factory=dict)


def asked(query: str) -> Asked:
    """Raises ValueError for what does not parse."""
    found = Asked()
    _look(promql_parser.parse(query), set(), found)
    return found


def _look(node: Any, grouped: set[str], found: Asked) -> None:
    match type(node).__name__:
        case "VectorSelector":
            exact = {
                each.name: each.value for each in node.matchers.matchers if str(each.op) == "MatchOp.Equal"
            }
            found.series.append((node.name, exact))
            named = {each.name for each in node.matchers.matchers} | grouped
            found.labels.setdefault(node.name, set()).update(named)
        case "MatrixSelector":
            _look(node.vector_selector, grouped, found)
        case "AggregateExpr":
            _look(node.expr, grouped | set(node.modifier.labels if node.modifier else ()), found)
        case "BinaryExpr":
            _look(node.lhs, grouped, found)
            _look(node.rhs, grouped, found)
        case "Call":
            for argument in node.args:
                _look(argument, grouped, found)
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            _look(node.expr, grouped, found)
        case "NumberLiteral" | "StringLiteral":
            pass
        case other:
            raise ValueError(f"{other} is not looked into.")
