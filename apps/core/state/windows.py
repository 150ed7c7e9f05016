"""Counters of quota windows: fixed ones start anew on a boundary, rolling ones forget bucket by bucket.

Pure arithmetic on an explicit `now` (UTC epoch seconds). A `now` that goes back never gives anything back: what is counted stays until
its end.
"""

from abc import ABC, abstractmethod
from math import inf

from apps.core.state.contract import Window
from apps.core.state.periods import Period, bounds, seconds

SUB_BUCKETS = 60


class Cap:
    """What an upstream says is `left` until `until`. Charges later than `since` take from it."""

    __slots__ = ("left", "since", "until")

    def __init__(self, left: int, since: float, until: float) -> None:
        self.left = left
        self.since = since
        self.until = until


class Counter(ABC):
    """Usage of one window. `used` holds while `now < stale_at`; after that, `roll` before anything else.

    The limit is not kept here: it is an argument, so that an operator's edit applies to what is counted.
    """

    __slots__ = ("cap", "stale_at", "used")

    def __init__(self) -> None:
        self.used = 0
        self.stale_at = inf
        self.cap: Cap | None = None

    @abstractmethod
    def roll(self, now: float) -> None:
        """Forget what no longer counts, once `now` has reached `stale_at`."""

    @abstractmethod
    def correct(self, delta: int, at: float) -> None:
        """Add `delta` to what was charged at `at`, unless that no longer counts."""

    @abstractmethod
    def ended(self, now: float) -> bool:
        """Whether nothing is left to remember."""

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

    def _correct_cap(self, delta: int, at: float) -> None:
        if self.cap is not None and at > self.cap.since:  # what went out before the report is in the report
            self.cap.left -= delta


class FixedCounter(Counter):
    """Starts anew on the period's boundary; the boundary is computed only when it has been passed."""

    __slots__ = ("period", "start", "zone")

    def __init__(self, period: Period, zone: str, now: float) -> None:
        super().__init__()
        self.period = period
        self.zone = zone
        self.start, self.stale_at = bounds(period, zone, now)

    def roll(self, now: float) -> None:
        self.used = 0
        self.start, self.stale_at = bounds(self.period, self.zone, now)

    def rewind(self, now: float) -> None:
        super().rewind(now)
        if now < self.start:
            self.start, self.stale_at = bounds(self.period, self.zone, now)

    def correct(self, delta: int, at: float) -> None:
        if at >= self.start:
            self.used += delta
        self._correct_cap(delta, at)

    def ended(self, now: float) -> bool:
        return now >= self.stale_at and self.live_cap(now) is None

    def _frees_at(self, excess: int, now: float) -> float:
        return self.stale_at

    def _ends_at(self, now: float) -> float:
        return self.stale_at


class _Bucket:
    """What was charged within one sixtieth of a period, and when last."""

    __slots__ = ("amount", "latest")

    def __init__(self, latest: float) -> None:
        self.amount = 0
        self.latest = latest


class RollingCounter(Counter):
    """Covers the last period in sub-buckets of a sixtieth, the one that straddles the far edge included.

    A sub-bucket counts until what was charged to it last is a full period old: at most a sixtieth too long for the rest of it, never too
    short, and never longer than a period from now.
    """

    __slots__ = ("buckets", "size")

    def __init__(self, period: Period) -> None:
        super().__init__()
        self.size = seconds(period)  # of a sub-bucket, in ticks of 1/60 s: sixty of them make the period
        self.buckets: dict[int, _Bucket] = {}

    def roll(self, now: float) -> None:
        for index in [index for index, bucket in self.buckets.items() if self._expiry(bucket) <= now]:
            self.used -= self.buckets.pop(index).amount
        self.stale_at = min(map(self._expiry, self.buckets.values()), default=inf)

    def rewind(self, now: float) -> None:
        super().rewind(now)
        ahead = [bucket for bucket in self.buckets.values() if bucket.latest > now]
        self.buckets = {index: bucket for index, bucket in self.buckets.items() if bucket.latest <= now}
        for bucket in ahead:
            self._put(bucket.amount, now)
        self.roll(now)

    def charge(self, amount: int, now: float) -> None:
        super().charge(amount, now)
        self._put(amount, now)

    def correct(self, delta: int, at: float) -> None:
        self.used += delta
        self._put(delta, at)  # an expired bucket makes the counter stale: the next roll drops it
        self._correct_cap(delta, at)

    def ended(self, now: float) -> bool:
        if now >= self.stale_at:
            self.roll(now)
        return not self.buckets and self.live_cap(now) is None

    def _put(self, amount: int, at: float) -> None:
        index = int(at * SUB_BUCKETS) // self.size
        bucket = self.buckets.get(index)
        if bucket is None:
            bucket = self.buckets[index] = _Bucket(at)
            self.stale_at = min(self.stale_at, at + self.size)
        elif at > bucket.latest:
            bucket.latest = at
        bucket.amount += amount

    def _frees_at(self, excess: int, now: float) -> float:
        for _, bucket in sorted(self.buckets.items()):
            excess -= bucket.amount
            if excess <= 0:
                return self._expiry(bucket)
        return self._ends_at(now)

    def _ends_at(self, now: float) -> float:
        return now + self.size

    def _expiry(self, bucket: _Bucket) -> float:
        """The first moment at which it no longer counts."""
        return bucket.latest + self.size


def counts_since(window: Window, now: float) -> float:
    """No earlier charge is counted at `now`. Raises as `new_counter`."""
    if window.rolling:
        return now - seconds(window.period) * (SUB_BUCKETS + 1) / SUB_BUCKETS
    return bounds(window.period, window.zone, now)[0]


def new_counter(window: Window, now: float) -> Counter:
    """An empty counter. Raises PeriodError; ZoneInfoNotFoundError when a fixed day or longer has an unknown zone."""
    if window.rolling:
        return RollingCounter(window.period)
    return FixedCounter(window.period, window.zone, now)
