"""What an upstream really enforces: windows counted by itself, on its own clock. It knows nothing of the gateway's counters."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

Metric = Literal["requests", "tokens", "input_tokens", "output_tokens"]
Amounts = Mapping[Metric, int]
Kind = Literal["fixed", "rolling", "bucket"]
SLACK: Final = 1e-6
LEFT_FOR_S: Final = 0.5
"""So long a slot must have been free before anybody could have known and come: the way there alone takes up to half of it."""
MINUTE_S: Final = 60
DAY_S: Final = 86_400


class TrueWindow(Struct, frozen=True, eq=False):
    """`limit` of `metric` in `length_s` seconds. Fixed days begin at midnight in `zone`, shorter ones at multiples of their length."""

    metric: Metric
    limit: int
    length_s: int
    kind: Kind
    zone: str = "UTC"

    @property
    def name(self) -> str:
        """As refusals call it."""
        unit = {1: "second", 60: "minute", 3600: "hour", DAY_S: "day"}.get(
            self.length_s, f"{self.length_s} s"
        )
        return f"{self.metric} per {unit}"


class Counter:
    """One window at work. Times never go back."""

    __slots__ = ("_at", "_charges", "_gone", "_highs", "_level", "_starts", "limit", "window")

    def __init__(self, window: TrueWindow) -> None:
        self.window = window
        self.limit: float = window.limit
        self._charges: deque[tuple[float, float]] = deque()
        self._gone: deque[tuple[float, float]] = deque()
        self._highs: deque[tuple[float, float, float]] = deque()
        self._level = 0.0
        self._at = 0.0
        self._starts: Sequence[float] = ()

    def used(self, now: float) -> float:
        """What counts at `now`."""
        match self.window.kind:
            case "bucket":
                self._level = max(0.0, self._level - (now - self._at) * self.limit / self.window.length_s)
                self._at = now
            case "rolling":
                self._expire(now - self.window.length_s)
            case "fixed":
                if self._start(now) > self._at:
                    self._level = 0.0
                self._at = now
        return self._level

    def admits(self, amount: float, now: float) -> bool:
        """Whether so much more fits."""
        return self.used(now) + amount <= self.limit + SLACK

    def charge(self, amount: float, now: float) -> None:
        """Count it."""
        self.used(now)
        self._level += amount
        if self.window.kind == "rolling":
            self._charges.append((now, amount))
        self._highs.append((now, amount, self._level))
        while self._highs[0][0] < now - 2 * LEFT_FOR_S and len(self._highs) > 1:
            self._highs.popleft()

    def most_used(self, now: float) -> float:
        """The most that counted at any moment of the last LEFT_FOR_S: usage falls but with a charge, so at its begin or after one."""
        since = now - LEFT_FOR_S
        lately = [level for at, _, level in self._highs if at > since]
        return max([self._used_at(since, now), *lately])

    def _used_at(self, then: float, now: float) -> float:
        """What counted at `then`, at most LEFT_FOR_S ago."""
        used = self.used(now)
        last = next(((at, level) for at, _, level in reversed(self._highs) if at <= then), None)
        match self.window.kind:
            case "rolling":
                back = sum(amount for at, amount in self._gone if at > then)
                return used + back - sum(amount for at, amount, _ in self._highs if at > then)
            case "bucket":
                return (
                    max(0.0, last[1] - (then - last[0]) * self.limit / self.window.length_s) if last else 0.0
                )
            case "fixed":
                return last[1] if last and self._start(then) <= last[0] else 0.0

    def wait_s(self, amount: float, now: float) -> float:
        """How long until so much fits, if nobody else comes."""
        over = self.used(now) + amount - self.limit
        if over <= 0:
            return 0.0
        if self.window.kind == "bucket":
            return over * self.window.length_s / max(self.limit, SLACK)
        if self.window.kind == "fixed":
            return self._end(now) - now
        for at, charged in self._charges:
            over -= charged
            if over <= 0:
                return at + self.window.length_s - now
        return float(self.window.length_s)

    def _expire(self, since: float) -> None:
        while self._charges and self._charges[0][0] <= since:
            at, amount = self._charges.popleft()
            self._level -= amount
            self._gone.append((at + self.window.length_s, amount))
        while self._gone and self._gone[0][0] < since + self.window.length_s - 2 * LEFT_FOR_S:
            self._gone.popleft()

    def _start(self, now: float) -> float:
        length = self.window.length_s
        if length < DAY_S:
            return now // length * length
        starts = self._midnights(now)
        return starts[bisect_right(starts, now) - 1]

    def _end(self, now: float) -> float:
        length = self.window.length_s
        if length < DAY_S:
            return self._start(now) + length
        starts = self._midnights(now)
        return starts[bisect_right(starts, now)]

    def _midnights(self, now: float) -> Sequence[float]:
        """Those around `now`: a simulation spans a few days."""
        if not self._starts or not self._starts[0] <= now < self._starts[-1]:
            zone = ZoneInfo(self.window.zone)
            today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
            self._starts = [(today + timedelta(days=days)).timestamp() for days in range(-1, 5)]
        return self._starts


class Quotas:
    """The windows of one account, and which of them count a request to a model."""

    def __init__(self, by_model: Mapping[str, Sequence[Counter]]) -> None:
        self._by_model = by_model

    def full(self, model: str, size: Amounts, now: float) -> Counter | None:
        """The first window that a request of this size does not fit into."""
        for counter in self._by_model[model]:
            if not counter.admits(size[counter.window.metric], now):
                return counter
        return None

    def is_left(self, model: str, size: Amounts, now: float, coming: Iterable[tuple[str, Amounts]]) -> bool:
        """Whether it would have fitted at any moment of the last LEFT_FOR_S, beside what is on its way to the account's models."""
        for counter in self._by_model[model]:
            metric = counter.window.metric
            beside = (other[metric] for asked, other in coming if counter in self._by_model[asked])
            more = size[metric] + sum(beside)
            if counter.most_used(now) + more > counter.limit + SLACK:
                return False
        return True

    def charge(self, model: str, size: Amounts, now: float) -> None:
        """Count a request that was admitted."""
        for counter in self._by_model[model]:
            counter.charge(size[counter.window.metric], now)

    def use(self, share: float, seconds: float, now: float) -> None:
        """Somebody else takes so much of every window, where it fits, for so long."""
        for counter in {id(one): one for each in self._by_model.values() for one in each}.values():
            amount = share * counter.limit * seconds / counter.window.length_s
            if counter.admits(amount, now):
                counter.charge(amount, now)

    def share_left(self, model: str, now: float) -> float:
        """Of the tightest window, 0 to 1."""
        shares = ((one.limit - one.used(now)) / one.limit for one in self._by_model[model])
        return min(shares, default=1.0)

    def requests_left(self, model: str, now: float) -> float:
        """Of the tightest window that counts requests."""
        left = (one.limit - one.used(now) for one in self._by_model[model] if one.window.metric == "requests")
        return min(left, default=float("inf"))

    def minute_of(self, model: str) -> Counter | None:
        """A window of a minute that the model has, None where it has none."""
        return next((one for one in self._by_model.get(model, ()) if one.window.length_s == MINUTE_S), None)

    def left(self, model: str, metric: Metric, length_s: int, now: float) -> tuple[float, float] | None:
        """What is left of the model's window of that kind, and its limit; None where it has none."""
        for counter in self._by_model[model]:
            if (counter.window.metric, counter.window.length_s) == (metric, length_s):
                return max(0.0, counter.limit - counter.used(now)), counter.limit
        return None
