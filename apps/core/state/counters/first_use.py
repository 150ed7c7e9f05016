"""Windows of a fixed length that start with the first use after the last one has ended."""

from math import inf

from apps.core.state.counters.counter import Counter
from apps.core.state.periods import Period, seconds


class FirstUseCounter(Counter):
    """It runs while `stale_at` is finite. `start`: when it began, or, while none runs, when the next may."""

    __slots__ = ("period", "size", "start")

    def __init__(self, period: Period) -> None:
        super().__init__()
        self.period = period
        self.size = seconds(period)
        self.start = -inf

    def roll(self, now: float, limit: int) -> None:
        self.start = self.stale_at
        self._stop()

    def rewind(self, now: float) -> None:
        super().rewind(now)
        if self.start > now:
            self.start = now
            if self.stale_at < inf:
                self.stale_at = now + self.size

    def charge(self, amount: int, now: float) -> None:
        super().charge(amount, now)
        if amount and self.stale_at == inf:
            self._begin(now)

    def correct(self, delta: int, at: float) -> None:
        """A window whose every charge was given back has not begun."""
        self._correct_cap(delta, at)
        if at < self.start:
            return
        self.used += delta
        if self.used <= 0:
            self._stop()
        elif self.stale_at == inf:
            self._begin(at)

    def recall(self, amount: int, at: float, since: float, limit: int) -> None:
        if at >= self.stale_at:
            self.roll(at, limit)
        self.correct(amount, at)

    def resets_at(self) -> float | None:
        return self.stale_at if self.stale_at < inf else None

    def ended(self, now: float) -> bool:
        return (self.stale_at == inf or now >= self.stale_at) and self.live_cap(now) is None

    def _begin(self, at: float) -> None:
        self.start, self.stale_at = at, at + self.size

    def _stop(self) -> None:
        self.used, self.stale_at = 0, inf

    def _frees_at(self, excess: int, now: float) -> float:
        return self._ends_at(now)

    def _ends_at(self, now: float) -> float:
        return now + self.size if self.stale_at == inf else self.stale_at
