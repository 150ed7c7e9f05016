"""Which window was full when an upstream refused a request. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from apps.core.state.contract import Completion, Window
from apps.core.state.counters.counter import Counter
from apps.core.state.keys import CONCURRENCY
from apps.core.state.periods import NOW, ONCE, SECOND

SUSPECT_SHARE: Final = 0.5
"""A window that nobody named and that is less used is not it."""
LEAST_OF_TOLD: Final = 0.8
MOST_OF_TOLD: Final = 1.5
"""What is on its way counts here and not yet there; what is told may be of a second window."""


def teaches(window: Window) -> bool:
    """Whether refusals say anything of its limit: an upstream's, of a length, but for spacing, which learns by itself."""
    return window.period != SECOND and may_grow(window)


def may_grow(window: Window) -> bool:
    """Whether an upstream may have more of it than is declared."""
    return bool(window.margin_s) and window.period not in (ONCE, NOW) and window.metric != CONCURRENCY


class Suspect(NamedTuple):
    """A window that may have been found full: `used` of it was counted, when so much was `needed`. `at_once`, of a second: what was granted
    in one of the last minute, as far as anybody knows."""

    window: Window
    counter: Counter
    needed: int
    used: int
    at_once: int = 0

    @property
    def limit(self) -> int:
        """What it admits, as far as is known; 0: nobody knows."""
        learnt = self.counter.learnt
        return self.window.limit if learnt is None else learnt.limit_of(self.window)


def suspect(suspects: Sequence[Suspect], completion: Completion) -> Suspect | None:
    """Which of the windows was full, of those that may have been it; None where none of the limited ones was, by our own count. One that
    nobody named and that is empty was not."""
    if completion.told and (found := _used_as_told(suspects, completion.told)):
        return found
    limited = [
        ((one.used + one.needed) / limit, one)
        for one in suspects
        if (limit := one.limit) and (one.used or completion.named or one.window.kind == "fixed")
    ]
    share, found = max(limited, key=lambda item: item[0], default=(0.0, None))
    return found if completion.named or share >= SUSPECT_SHARE else None


def _used_as_told(suspects: Sequence[Suspect], told: int) -> Suspect | None:
    """The narrowest window of which about as much was used as the refusal said that it allows. Whether that is of the model or of the
    account no wording tells for sure."""
    fits = [one for one in suspects if LEAST_OF_TOLD * told <= one.used <= MOST_OF_TOLD * told]
    return max(fits, key=lambda one: (len(one.window.scope), one.window.limit), default=None)
