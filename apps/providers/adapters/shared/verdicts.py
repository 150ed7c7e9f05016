"""What the wires share that judge texts."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.values import as_dict
from apps.providers.demands.moderation import CATEGORIES, Verdict
from apps.providers.errors import ErrorKind, UpstreamError

SAME: Final[Mapping[str, str]] = {name: name for name in CATEGORIES}
MAX_OTHERS: Final = 64
MAX_NAME: Final = 64


def read_verdicts(values: Any, count: int, words: Mapping[str, str] = SAME) -> tuple[Verdict, ...]:
    """`count` verdicts of a list of objects with `categories` and `category_scores`. `words`: the upstream's category -> OpenAI's. Raises
    UpstreamError(PARSING): what cannot be read is never taken for safe."""
    if not isinstance(values, list) or len(values) != count:
        raise unreadable(f"the upstream did not send one verdict for each of {count} inputs")
    return tuple(_verdict(as_dict(value), words) for value in values)


def _verdict(value: JSONObject, words: Mapping[str, str]) -> Verdict:
    judged, said = as_dict(value.get("categories")), as_dict(value.get("category_scores"))
    categories: dict[str, bool] = {}
    scores: dict[str, float] = {}
    others: dict[str, bool] = {}
    for name, is_so in judged.items():
        if not isinstance(is_so, bool):
            raise unreadable("the upstream's verdict is neither true nor false")
        if (word := words.get(name)) is not None:
            categories[word] = categories.get(word, False) or is_so
            scores[word] = max(scores.get(word, 0.0), _score(said.get(name), is_so=is_so))
        elif len(others) < MAX_OTHERS:
            others[name[:MAX_NAME]] = is_so
    if not categories:
        raise unreadable("the upstream's verdict says nothing of what it was asked")
    flagged = any(categories.values()) or value.get("flagged") is True
    return Verdict(flagged=flagged, categories=categories, scores=scores, others=others)


def _score(value: Any, *, is_so: bool) -> float:
    """From 0 to 1; by the category where there is none that can be read."""
    if (type(value) is float and isfinite(value)) or value in (0, 1):
        return min(max(float(value), 0.0), 1.0)
    return float(is_so)


def certain(flagged: bool, harmful: Mapping[str, bool], others: Mapping[str, bool] = {}) -> Verdict:
    """The verdict of a judge that knows no scores: of every category, by those that are `harmful`."""
    categories = {name: harmful.get(name, False) for name in CATEGORIES}
    scores = {name: float(is_so) for name, is_so in categories.items()}
    return Verdict(flagged=flagged, categories=categories, scores=scores, others=dict(others))


def unreadable(message: str) -> UpstreamError:
    """The error to raise for an answer of the wrong shape."""
    return UpstreamError(ErrorKind.PARSING, message)
