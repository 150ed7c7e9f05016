"""What the counters of all kinds of windows have in common.

Pure arithmetic on an explicit `now` (UTC epoch seconds). A `now` that goes back never gives anything back: what is counted stays until
its end.
"""

from abc import ABC, abstractmethod
from math import inf
from typing import Final

from apps.core.state.contract import Skew
from apps.core.state.lesson import Lesson

DOUBT_S: Final = 1.0
"""Two ways there and two clocks, and a moment more."""
GRANTED_SPANS: Final = 3
"""For so many periods it counts as evidence how much one of them was granted."""


class Cap:
    """What an upstream says is `left` until `until`. Charges later than `since` take from it."""

    __slots__ = ("left", "since", "until")

    def __init__(self, left: int, since: float, until: float) -> None:
        self.left = left
        self.since = since
        self.until = until


class Counter(ABC):
    """Usage of one window. `used` holds while `now < stale_at`; after that, `roll` before anything else.

    Limits are arguments, so that an operator's edit applies to what is counted. `most`: what was granted in one period, the most of those
    that are evidence until `most_until`.
    """

    __slots__ = ("cap", "learnt", "most", "most_until", "stale_at", "used")

    def __init__(self) -> None:
        self.used = 0
        self.stale_at = inf
        self.cap: Cap | None = None
        self.learnt: Lesson | None = None
        self.most = 0
        self.most_until = -inf

    @abstractmethod
    def roll(self, now: float, limit: int) -> None:
        """Forget what no longer counts, once `now` has reached `stale_at`."""

    @abstractmethod
    def correct(self, delta: int, at: float) -> None:
        """Add `delta` to what was charged at `at`, unless that no longer counts."""

    @abstractmethod
    def ended(self, now: float) -> bool:
        """Whether nothing is left to remember."""

    @abstractmethod
    def resets_at(self) -> float | None:
        """When nothing of what is used will count any more; None where no time ends it, or nothing is there to end. It is up to date."""

    def granted(self, now: float) -> int:
        """What the upstream granted in one period not long ago, at the least; 0 where nothing is known of that."""
        return self.most if now < self.most_until else 0

    def granted_at_once(self, now: float) -> int:
        """What the upstream granted in one second of the last minute, at the least; 0 where nothing is known of that."""
        return 0

    def returns(self) -> tuple[tuple[float, int], ...]:
        """What comes back before that, by time."""
        return ()

    def rewind(self, now: float) -> None:
        """The clock went back to `now`: what is counted stays, but no longer than a period from then on."""
        if self.cap is not None and self.cap.since > now:
            self.cap.until -= self.cap.since - now
            self.cap.since = now

    @abstractmethod
    def _frees_at(self, excess: int, now: float) -> float:
        """When `excess` of what is used will be forgotten; the window's end if it is more than is used."""

    @abstractmethod
    def _ends_at(self, now: float) -> float:
        """When a charge made now will be forgotten."""

    def refused(self) -> None:  # noqa: B027 - most learn nothing of it
        """The upstream may have found the window full where it had room by this count."""

    def is_wide(self) -> bool:
        """Whether refusals have widened its margin beyond what a margin is for."""
        return False

    @property
    def least_apart_s(self) -> float:
        """By how much more than their period requests are apart, at the least; for windows of a second."""
        return 0.0

    def begin_anew(self) -> None:  # noqa: B027 - only spacing has a margin that moves
        """It was the limit that was another: the margin is as it began."""

    def beside(self, at: float, own: int) -> tuple[int, float]:
        """What was charged in the period before `at`, without what was `own` then, and how far from that the next was, before or after it;
        for windows of a second."""
        return self.used - own, inf

    def surely_full(self, limit: int, now: float) -> bool:
        """Whether the upstream cannot have room left by this count, whatever the way there and its clock."""
        return False

    def is_at_edge(self, now: float) -> bool:
        """Whether it began so lately that the upstream's may not have."""
        return False

    def set_clock(self, skew: Skew, now: float) -> None:  # noqa: B027 - only what begins on a boundary asks a clock
        """Whoever enforces it has another clock."""

    def deny(self, level: float, again: bool) -> None:  # noqa: B027 - those without a level have nothing to learn of it
        """The upstream had so much taken, and no room; `again`, and not for the first time lately."""

    def recall(self, amount: int, at: float, since: float, limit: int) -> None:
        """Charge what was used at `at`, before the process began, by a history that tells nothing from before `since`. Calls come in the
        order of their times."""
        self.correct(amount, at)

    def charge(self, amount: int, now: float) -> None:
        self.used += amount
        if self.cap is not None:
            self.cap.left -= amount

    def free_at(self, amount: int, limit: int, now: float) -> float:
        """0.0 when `amount` fits now, else the earliest time at which it may.

        An amount above the limit never fits; for it, this is the end of the window.
        """
        free = 0.0
        excess = self.used + amount - limit
        if limit and excess > 0:
            free = self._frees_at(excess, now)
        cap = self.live_cap(now)
        if cap is not None and amount > cap.left:
            free = max(free, cap.until)
        return free

    def shown(self, limit: int, now: float) -> int:
        """`used`, or what the upstream's report makes of it if that is more."""
        cap = self.live_cap(now)
        return self.used if cap is None or not limit else max(self.used, limit - cap.left)

    def tighten(self, limit: int, remaining: int, resets_at: float | None, now: float) -> None:
        """Allow no more than `remaining` until `resets_at` (None: for the length of the window)."""
        until = self._ends_at(now) if resets_at is None else resets_at
        cap = self.live_cap(now)
        believed = min(limit - self.used if limit else inf, inf if cap is None else cap.left)
        # Equal is no news, except for nothing left: a second 429 may move the time from which there is more.
        if until <= now or remaining >= max(believed, 1):
            return
        self.cap = Cap(remaining, since=now, until=until if cap is None else max(until, cap.until))

    def live_cap(self, now: float) -> Cap | None:
        if self.cap is not None and now >= self.cap.until:
            self.cap = None
        return self.cap

    def _note(self, granted: int, at: float, period_s: float) -> None:
        """A period ended `at` in which so much was granted."""
        if granted >= self.most or at >= self.most_until:
            self.most, self.most_until = granted, at + GRANTED_SPANS * period_s

    def _forget_later(self, now: float, period_s: float) -> None:
        """The clock went back to `now`."""
        self.most_until = min(self.most_until, now + GRANTED_SPANS * period_s)

    def _correct_cap(self, delta: int, at: float) -> None:
        if self.cap is not None and at > self.cap.since:  # what went out before the report is in the report
            self.cap.left -= delta
