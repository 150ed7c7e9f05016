"""Windows that cover the last period, and forget bucket by bucket."""

from math import inf

from apps.core.state.counters.counter import DOUBT_S, Counter
from apps.core.state.periods import Period, seconds

SUB_BUCKETS = 60
ANSWERED_S = 5.0
"""What went out so long ago and was not refused was granted."""


class Bucket:
    """What was charged within one sixtieth of a period, and when last."""

    __slots__ = ("amount", "latest")

    def __init__(self, latest: float) -> None:
        self.amount = 0
        self.latest = latest


class RollingCounter(Counter):
    """Covers the last period in sub-buckets of a sixtieth, the one that straddles the far edge included.

    A sub-bucket counts until what was charged to it last is a full period old: at most a sixtieth too long for the rest of it, never too
    short, and never longer than a period from now; all of that a margin later, where there is one.
    """

    __slots__ = ("buckets", "lasts_s", "period", "size")

    def __init__(self, period: Period, margin_s: float = 0.0) -> None:
        super().__init__()
        self.period = period
        self.lasts_s = seconds(period) + margin_s
        self.size = seconds(period)  # of a sub-bucket, in ticks of 1/60 s: sixty of them make the period
        self.buckets: dict[int, Bucket] = {}

    def roll(self, now: float, limit: int) -> None:
        for index in sorted(index for index, bucket in self.buckets.items() if self._expiry(bucket) <= now):
            ended_at = self._expiry(self.buckets[index])
            answered = (each.amount for each in self.buckets.values() if each.latest <= ended_at - ANSWERED_S)
            self._note(sum(answered), ended_at, self.size)
            self.used -= self.buckets.pop(index).amount
        self.stale_at = min(map(self._expiry, self.buckets.values()), default=inf)

    def rewind(self, now: float) -> None:
        super().rewind(now)
        self._forget_later(now, self.size)
        ahead = [bucket for bucket in self.buckets.values() if bucket.latest > now]
        self.buckets = {index: bucket for index, bucket in self.buckets.items() if bucket.latest <= now}
        for bucket in ahead:
            self._put(bucket.amount, now)
        self.roll(now, 0)

    def charge(self, amount: int, now: float) -> None:
        super().charge(amount, now)
        self._put(amount, now)

    def correct(self, delta: int, at: float) -> None:
        self.used += delta
        self._put(delta, at)  # an expired bucket makes the counter stale: the next roll drops it
        self._correct_cap(delta, at)

    def surely_full(self, limit: int, now: float) -> bool:
        certain = now - self.lasts_s + DOUBT_S
        counting = sum(bucket.amount for bucket in self.buckets.values() if bucket.latest > certain)
        return counting >= limit and all(
            bucket.latest <= now - DOUBT_S / 2 for bucket in self.buckets.values()
        )

    def granted_at_once(self, now: float) -> int:
        """Sub-buckets of a minute are seconds."""
        if self.size != SUB_BUCKETS:
            return 0
        answered = (each.amount for each in self.buckets.values() if each.latest <= now - ANSWERED_S)
        return max(answered, default=0)

    def resets_at(self) -> float | None:
        return max((at for at, _ in self.returns()), default=None)

    def returns(self) -> tuple[tuple[float, int], ...]:
        counting = (bucket for bucket in self.buckets.values() if bucket.amount)
        return tuple(sorted((self._expiry(bucket), bucket.amount) for bucket in counting))

    def ended(self, now: float) -> bool:
        if now >= self.stale_at:
            self.roll(now, 0)
        return not self.buckets and self.live_cap(now) is None

    def _put(self, amount: int, at: float) -> None:
        index = int(at * SUB_BUCKETS) // self.size
        bucket = self.buckets.get(index)
        if bucket is None:
            bucket = self.buckets[index] = Bucket(at)
            self.stale_at = min(self.stale_at, at + self.lasts_s)
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
        return now + self.lasts_s

    def _expiry(self, bucket: Bucket) -> float:
        """The first moment at which it no longer counts."""
        return bucket.latest + self.lasts_s
