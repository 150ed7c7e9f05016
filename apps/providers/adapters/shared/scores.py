"""What the wires share that rank documents."""

from math import exp, isfinite
from typing import Any

from apps.providers.adapters.shared.values import as_dict, as_index
from apps.providers.demands.rerank import Ranked
from apps.providers.errors import ErrorKind, UpstreamError

ROUNDING = 1e-3
MAX_WHOLE = 2**53


def read_ranking(
    values: Any,
    count: int,
    *,
    index: str = "index",
    score: str = "relevance_score",
    are_logits: bool = False,
) -> tuple[Ranked, ...]:
    """The documents by their scores, the best first, of a list of objects with these members. Where a score is no probability, all are
    taken for logits. Raises UpstreamError(PARSING) unless each tells another of the `count` documents, and one is there."""
    if not isinstance(values, list) or not values or len(values) > count:
        raise _unreadable(f"the upstream ranked something else than {count} documents")
    found: dict[int, float] = {}
    for item in map(as_dict, values):
        at, value = as_index(item.get(index)), item.get(score)
        if at is None or not 0 <= at < count or at in found:
            raise _unreadable("the upstream ranked a document that it was not sent, or one twice")
        found[at] = _number(value)
    is_probability = not are_logits and all(-ROUNDING <= value <= 1 + ROUNDING for value in found.values())
    fit = _clamped if is_probability else _sigmoid
    ranked = (Ranked(at, fit(value)) for at, value in found.items())
    return tuple(sorted(ranked, key=lambda one: (-one.score, one.index)))


def _number(value: Any) -> float:
    if type(value) is float and isfinite(value):
        return value
    if type(value) is int and abs(value) < MAX_WHOLE:
        return float(value)
    raise _unreadable("the upstream sent a score that is no number")


def _clamped(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value)) if value >= 0 else exp(value) / (1 + exp(value))


def _unreadable(message: str) -> UpstreamError:
    return UpstreamError(ErrorKind.PARSING, message)
