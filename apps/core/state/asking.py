"""Requests that ask for more than a window is known to hold: which are out, and how many more may go. Pure but for its memory.

Each costs a part of a budget that successes fill, most of which comes back with what is granted: where catalogues are right it is small,
where they are wrong it grows.
"""

from typing import Final

from apps.core.state.contract import Window

A_SUCCESS: Final = 0.001
YIELD_WEIGHT: Final = 16.0
YIELD_ALPHA: Final = 0.1
FIRST_YIELD: Final = 0.05
FIRST_BUDGET: Final = 0.35
MOST_BUDGET: Final = 20.0
GIVEN_BACK: Final = 0.9


class Asking:
    """Of all windows of a store."""

    def __init__(self) -> None:
        self._out: dict[str, tuple[Window, int]] = {}  # by claim
        self._asked: set[str] = set()
        self._budget = FIRST_BUDGET
        self._yield = FIRST_YIELD

    @property
    def is_any_out(self) -> bool:
        """Whether any request is under way that asks for more."""
        return bool(self._out)

    @property
    def may_spend(self) -> bool:
        """Whether the budget holds one."""
        return self._budget >= 1

    def size(self) -> int:
        """How many are out."""
        return len(self._out)

    def is_asked(self, key: str) -> bool:
        """Whether one is out that asks for more of the window."""
        return key in self._asked

    def key_of(self, claim: str) -> str:
        """The key of the window of which the request asks for more, "" where it is none."""
        return self._out[claim][0].key if claim in self._out else ""

    def begin(self, claim: str, window: Window, amount: int) -> None:
        """One goes out."""
        self._budget = max(self._budget - 1, 0.0)
        self._out[claim] = (window, amount)
        self._asked.add(window.key)

    def ended(self, claim: str) -> tuple[Window, int] | None:
        """A request ended: the window, and how much of it was asked for; None if it asked for no more than was there."""
        asked = self._out.pop(claim, None)
        if asked is not None:
            self._asked.discard(asked[0].key)
        return asked

    def granted(self) -> None:
        """More was there."""
        self._budget = min(MOST_BUDGET, self._budget + GIVEN_BACK)
        self._yield += YIELD_ALPHA * (1.0 - self._yield)

    def refused(self) -> None:
        """No more was there."""
        self._yield -= YIELD_ALPHA * self._yield

    def succeeded(self) -> None:
        """Some request did: there is a little more to ask with."""
        if self._budget < MOST_BUDGET:
            self._budget += A_SUCCESS * (1.0 + YIELD_WEIGHT * self._yield)
