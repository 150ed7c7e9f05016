"""Windows that refill continuously: what was taken comes back at the rate of the whole limit a period."""

from math import ceil, inf

from apps.core.state.counters.counter import Counter
from apps.core.state.periods import Period, seconds

NOISE = 3.2
NOISE_SHARE = 0.05
"""Of the limit: by so much an upstream may have counted more, without anybody else who takes of it."""
SURELY_LEFT = 0.4
MOST_ASIDE = 0.1
"""Of the limit. A distance costs no allowance, only that the last of it is not used."""
LESS_ASIDE = 0.98
"""At each charge."""
TICK_S = 1e-6
"""Times of this century are floats of a quarter of a microsecond: what is due within so much is here."""


class BucketCounter(Counter):
    """`level` is what was taken and had not come back at `at`; `used` is it, rounded up, until it has fallen by one.

    A correction moves the level, as with providers that charge for what a request may take and correct that later. What is only
    counted, with a limit of 0, is forgotten a period after the first of it.
    """

    __slots__ = ("aside", "at", "level", "margin_s", "period", "rate", "size", "told")

    def __init__(self, period: Period, limit: int, now: float, margin_s: float = 0.0) -> None:
        super().__init__()
        self.period = period
        self.margin_s = margin_s
        self.size = seconds(period)
        self.rate = limit / self.size
        self.level = 0.0
        self.at = now
        self.told = 0.0  # what of the level was not charged here but told
        self.aside = 0.0  # what of the level nobody took: somebody else may at any moment, unseen

    def roll(self, now: float, limit: int) -> None:
        self.rate = limit / self.size
        passed_s = max(now - self.at, 0.0)
        if limit:
            came_back = self.rate * passed_s
            if self.told:
                self.told *= max(1.0 - came_back / self.level, 0.0) if self.level else 0.0
            self.level -= came_back
            self.aside = min(self.aside, max(self.level, 0.0))
            self.at += passed_s
        elif passed_s >= self.size:
            self.level = 0.0
        self._round()

    def rewind(self, now: float) -> None:
        super().rewind(now)
        self.at = min(self.at, now)
        self._round()

    def charge(self, amount: int, now: float) -> None:
        """What an almost full allowance gives begins to come back a margin later: it may not have been taken there yet."""
        if self.aside:
            self._set_aside(self.aside * LESS_ASIDE)
        super().charge(amount, now)
        if not self.level:
            self.at = now + self.margin_s
        elif self.margin_s and self.level - self.rate * (now - self.at) <= self.rate * self.margin_s:
            self.level -= max(self.rate * (now - self.at), 0.0)
            self.at = now + self.margin_s
        self._add(amount)

    def correct(self, delta: int, at: float) -> None:
        """What calls come to that are under way is in reports before they end: it is not added again, and nobody else took it."""
        self._correct_cap(delta, at)
        if delta > 0 and self.told:
            known = min(int(self.told), delta)
            self.told -= known
            self._set_aside(max(self.aside - known, 0.0))
            delta -= known
        if not self.level:
            self.at = max(self.at, at)  # nothing ran out of an empty one before
        self.used += delta
        self._add(delta)

    def recall(self, amount: int, at: float, since: float, limit: int) -> None:
        """At `since` it may have been as empty of allowance as a limit lets it be; a period later nothing is left of that doubt."""
        self.roll(at, limit)
        doubt = limit - self.rate * (at - since)
        self.level = min(max(self.level, doubt) + amount, limit or inf)
        self.at = at
        self._round()

    def tighten(self, limit: int, remaining: int, resets_at: float | None, now: float) -> None:
        """What comes back continuously no report holds up: it moves the level, up where more is taken than was counted here and is on
        its way, and down again by no more than earlier ones had moved it up."""
        if not limit:
            super().tighten(limit, remaining, resets_at, now)
            return
        self.roll(now, limit)
        more = limit - remaining - (self.level - self.aside)
        if more > max(NOISE, NOISE_SHARE * limit) or (more > 0 and not remaining):
            moved = more
        else:
            moved = max(min(more, 0.0) / 2, -self.told)
        self.told += moved
        self.level += moved
        self._round()

    def surely_full(self, limit: int, now: float) -> bool:
        self.roll(now, limit)
        return self.level >= limit - SURELY_LEFT

    def deny(self, level: float, again: bool) -> None:
        """By how much it was not known `again` is set aside from then on: who takes of it too takes about as much again."""
        more = level - (self.level - self.aside)
        if more <= 0:
            return
        self.told += more
        self.level += more
        self._round()
        if again:
            self._set_aside(max(self.aside, min(more, MOST_ASIDE * self.rate * self.size)))

    def resets_at(self) -> float | None:
        return self._falls_to(0) if self.level else None

    def ended(self, now: float) -> bool:
        if self.live_cap(now) is not None:
            return False
        if self.rate:
            return self.level <= self.rate * (now - self.at)
        return not self.level or now >= self.at + self.size

    def _set_aside(self, amount: float) -> None:
        aside = amount if amount >= 1 else 0.0
        self.level += aside - self.aside
        self.aside = aside
        self._round()

    def _empty(self) -> None:
        self.level, self.aside, self.used, self.stale_at = 0.0, 0.0, 0, inf

    def _add(self, amount: int) -> None:
        self.level += amount
        if self.level <= 0:
            self._empty()
        elif self.stale_at == inf:
            self.stale_at = self.at  # from when on it falls, the next look finds out

    def _round(self) -> None:
        slack = self.rate * TICK_S
        if self.level <= slack:
            self._empty()
            return
        self.used = ceil(self.level - slack)
        self.stale_at = self._falls_to(self.used - 1)

    def _falls_to(self, count: int) -> float:
        return self.at + ((self.level - count) / self.rate if self.rate else self.size)

    def _frees_at(self, excess: int, now: float) -> float:
        return self._falls_to(self.used - excess) if excess <= self.used else self._ends_at(now)

    def _ends_at(self, now: float) -> float:
        return now + self.size
