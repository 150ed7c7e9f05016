"""The lists of what a key may use: names that something bears. What there is, other apps know; they say how it is asked."""

from collections.abc import Callable, Collection, Sequence
from typing import Final, Literal

from apps.clients.models import MAX_ALLOWED, MAX_ALLOWED_NAME
from apps.core.odd_names import odd_character

Kind = Literal["allowed_models", "allowed_strategies", "allowed_endpoints"]
KINDS: Final[tuple[Kind, ...]] = ("allowed_models", "allowed_strategies", "allowed_endpoints")
Judge = Callable[[Kind, Sequence[str]], list[str]]
"""What is wrong with names that nothing bears, a sentence each."""


def _nobody(_kind: Kind, _names: Sequence[str]) -> list[str]:
    return []


_judge: Judge = _nobody


def judged_by(judge: Judge) -> None:
    """Ask `judge` from now on."""
    global _judge
    _judge = judge


def problems(kind: Kind, names: Sequence[str], kept: Collection[str] = ()) -> list[str]:
    """What is wrong with the list. `kept`: names that the key has already; what they named may be gone."""
    if len(names) > MAX_ALLOWED or any(not 0 < len(name) <= MAX_ALLOWED_NAME for name in names):
        return [f"At most {MAX_ALLOWED} names of at most {MAX_ALLOWED_NAME} characters each."]
    new = [name for name in dict.fromkeys(names) if name not in kept]
    if odd := next(filter(None, map(odd_character, new)), None):
        return [f"A name cannot hold the character {odd}."]
    return _judge(kind, new) if new else []
