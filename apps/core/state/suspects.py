"""Which window a refusal may be of."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from apps.core.state.contract import Completion, Window
from apps.core.state.counters.counter import Counter

SUSPECT_SHARE: Final = 0.5
"""A window that nobody named and that is less used is not it."""


class Suspect(NamedTuple):
    """A window that may have been found full: `used` of it was counted, when so much was `needed`."""

    window: Window
    counter: Counter
    needed: int
    used: int


def suspect(suspects: Iterable[Suspect], completion: Completion) -> Suspect | None:
    """Which of the windows was full, of those that may have been it; None where none of the limited ones was, by our own count."""
    limited: list[tuple[float, Suspect]] = []
    counted: list[Suspect] = []
    for one in suspects:
        if limit := limit_of(one):
            limited.append(((one.used + one.needed) / limit, one))
        else:
            counted.append(one)
    share, found = max(limited, key=lambda item: item[0], default=(0.0, None))
    if found is not None and (completion.named or share >= SUSPECT_SHARE):
        return found
    if completion.told and counted:  # of which it was the limit, what was used there tells
        return min(counted, key=lambda one: abs(one.used - completion.told))
    return None


def limit_of(one: Suspect) -> int:
    learnt = one.counter.learnt
    return one.window.limit if learnt is None else learnt.limit_of(one.window)
