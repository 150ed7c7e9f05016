"""Windows that start anew on a boundary."""

from typing import Final

from apps.core.state.contract import Skew
from apps.core.state.counters.counter import Counter
from apps.core.state.periods import Period, bounds, seconds

EDGE_S: Final = 3.0
"""Upstream clocks are off by no more, as a rule."""


class FixedCounter(Counter):
    """Starts anew on the period's boundary, or a margin later; the boundary is computed only when it has been passed.

    `late`: what was charged so near the end that the next window may count it instead. It counts in both.
    """

    __slots__ = ("ahead_s", "late", "least_margin_s", "margin_s", "period", "start", "zone")

    def __init__(self, period: Period, zone: str, now: float, margin_s: float = 0.0) -> None:
        super().__init__()
        self.period = period
        self.zone = zone
        self.least_margin_s = self.margin_s = margin_s
        self.ahead_s = 0.0
        self.late = 0
        self._begin(now)

    def roll(self, now: float, limit: int) -> None:
        late, ended_at = self.late, self.stale_at
        self._note(self.used - late, ended_at, seconds(self.period))
        self._begin(now)
        self.used, self.late = (late if self.start == ended_at else 0), 0

    def rewind(self, now: float) -> None:
        super().rewind(now)
        self._forget_later(now, seconds(self.period))
        if now < self.start:
            self._begin(now)

    def charge(self, amount: int, now: float) -> None:
        super().charge(amount, now)
        if self.margin_s and now >= self.stale_at - 2 * self.margin_s:
            self.late += amount

    def correct(self, delta: int, at: float) -> None:
        if at >= self.start - 2 * self.margin_s:
            self.used += delta
            if self.margin_s and at >= self.stale_at - 2 * self.margin_s:
                self.late += delta
        self._correct_cap(delta, at)

    def _begin(self, now: float) -> None:
        """The window that is sure to have begun at `now`."""
        behind_s = self.margin_s - self.ahead_s
        start, end = bounds(self.period, self.zone, now - behind_s)
        self.start, self.stale_at = start + behind_s, end + behind_s

    def surely_full(self, limit: int, now: float) -> bool:
        return self.used - self.late >= limit and not self.is_at_edge(now) and now < self.stale_at - EDGE_S

    def is_at_edge(self, now: float) -> bool:
        return now - self.start < EDGE_S

    def set_clock(self, skew: Skew, now: float) -> None:
        """What was used stays so: nobody knows by which clock it was counted."""
        if now >= self.stale_at:
            self.roll(now, 0)
        self.ahead_s, self.margin_s = skew.ahead_s, self.least_margin_s + skew.doubt_s
        self._begin(now)

    def resets_at(self) -> float:
        return self.stale_at

    def ended(self, now: float) -> bool:
        return now >= self.stale_at and self.live_cap(now) is None

    def _frees_at(self, excess: int, now: float) -> float:
        """The next window begins with what is late; where that alone leaves no room, it is the one after."""
        if self.late and excess > self.used - self.late:
            behind_s = self.margin_s - self.ahead_s
            return bounds(self.period, self.zone, self.stale_at - behind_s)[1] + behind_s
        return self.stale_at

    def _ends_at(self, now: float) -> float:
        return self.stale_at
