"""How fast quota windows are used: what came between two looks at the counters, for the last hour.

The store counts and does not remember. Whoever looks at it once a minute (`watch`) can tell what was used meanwhile: the difference, with
what a window gave back in between. Nothing of this is on the request path. Times are UTC epoch seconds.
"""

from collections.abc import Iterable
from typing import Final

from apps.core.state.contract import PastUsage, Reading, Window
from apps.core.state.keys import CONCURRENCY
from apps.core.state.periods import ONCE, bounds, seconds
from apps.providers.forecast import PACE_S, Pace

INTERVAL_S: Final = 60.0
"""Between two looks."""
STALE_S: Final = 3 * INTERVAL_S
"""After so long without a look what came between two of them is not known any more."""
SLOT_S: Final = 300
SLOTS: Final = int(PACE_S) // SLOT_S + 2
MAX_WINDOWS: Final = 20_000
"""That are followed at once: some 30 MB. Of others no pace is known."""


class _Trace:
    """What is remembered of one window: the latest look, and what was used in each SLOT_S of the last hour, by how many requests."""

    __slots__ = ("at", "counted", "resets_at", "returns", "slots")

    def __init__(self) -> None:
        self.at = 0.0
        self.counted: int | None = None  # None: nobody has looked, but the ledger tells of it
        self.resets_at: float | None = None
        self.returns: tuple[tuple[float, int], ...] = ()
        self.slots: dict[int, tuple[float, int]] = {}

    def add(self, amount: float, uses: int, at: float) -> None:
        slot = int(at // SLOT_S)
        amount_before, uses_before = self.slots.get(slot, (0.0, 0))
        self.slots[slot] = (amount_before + amount, uses_before + uses)

    def look(self, reading: Reading, now: float) -> None:
        self.at, self.counted, self.resets_at = now, reading.counted, reading.resets_at
        self.returns = tuple(entry for entry in reading.returns if entry[0] <= now + STALE_S)
        oldest = int(now // SLOT_S) - SLOTS
        if self.slots and min(self.slots) < oldest:
            self.slots = {slot: used for slot, used in self.slots.items() if slot >= oldest}

    def left_of_it(self, window: Window, now: float) -> float | None:
        """What of the latest look would still count if nothing had been used since."""
        if self.counted is None:
            return None
        if self.resets_at is not None and now >= self.resets_at:
            return 0.0
        if window.kind == "bucket" and window.period != ONCE and window.metric != CONCURRENCY:
            return max(0.0, self.counted - (now - self.at) * window.limit / seconds(window.period))
        return float(self.counted - sum(amount for at, amount in self.returns if at <= now))


class Book:
    """The traces of all windows that are in use. For one event loop."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}
        self._since: float | None = None
        self._looked_at: float | None = None
        self._overflowed = False

    def recall(self, past: Iterable[PastUsage], now: float) -> None:
        """Take over what earlier processes used within the last hour: all of it, from the reading that the store was restored from."""
        self._since = now - PACE_S
        for usage in past:
            if not self._since <= usage.at <= now:
                continue
            for window in usage.windows:
                amount = usage.amounts.get(window.metric, 0)
                if amount and window.limit and (trace := self._trace(window)) is not None:
                    trace.add(amount, usage.amounts.get("requests", 1), usage.at)

    def sample(self, window: Window, reading: Reading, now: float) -> None:
        """Take down a look at one limited window."""
        self._notice_gap(now)
        trace = self._traces.get(window.key)
        if trace is None:
            fresh = self._looked_at is not None and not self._overflowed
            if not reading.counted or (trace := self._trace(window)) is None:
                return
            if fresh:
                trace.counted, trace.at = 0, self._looked_at or now
        before = trace.left_of_it(window, now)
        if before is not None and (charged := reading.counted - before):
            trace.add(charged, int(charged >= 1), (trace.at + now) / 2)
        trace.look(reading, now)

    def looked(self, now: float) -> None:
        """A look at all windows has ended. Those that it did not come by are there no more."""
        self._notice_gap(now)
        if self._since is None:
            self._since = now
        if (before := self._looked_at) is not None:
            self._traces = {key: trace for key, trace in self._traces.items() if trace.at > before}
        self._looked_at = now

    def pace(self, window: Window, now: float) -> Pace | None:
        """What was used of a limited window within the last hour, or since it or the first look began, up to the latest look; None where
        that is too long ago."""
        until, since = self._looked_at, self._since
        if until is None or since is None or not -INTERVAL_S < now - until <= STALE_S:
            return None
        trace = self._traces.get(window.key)
        if trace is not None:
            since = max(since, _start(window, trace, now))
        first = int(max(since, now - PACE_S) // SLOT_S)
        since = max(since, float(first * SLOT_S))
        over_s = max(0.0, until - since)
        used = [] if trace is None else [(slot, *used) for slot, used in trace.slots.items() if slot >= first]
        if not used:
            return Pace(amount=0, uses=0, over_s=over_s, first_s=0.0)
        amount = round(sum(amount for _, amount, _ in used))
        uses = amount if window.metric == "requests" else sum(uses for _, _, uses in used)
        begun = max(since, float(min(used)[0] * SLOT_S))
        return Pace(amount=amount, uses=uses, over_s=over_s, first_s=max(0.0, until - begun))

    def size(self) -> int:
        """Windows that are followed."""
        return len(self._traces)

    def _trace(self, window: Window) -> _Trace | None:
        """The window's, a new one if need be; None where there is no room for one."""
        trace = self._traces.get(window.key)
        if trace is None:
            if len(self._traces) >= MAX_WINDOWS:
                self._overflowed = True
                return None
            trace = self._traces[window.key] = _Trace()
        return trace

    def _notice_gap(self, now: float) -> None:
        """Begin anew where nobody looked for too long, or the clock was put back."""
        if self._looked_at is not None and not -INTERVAL_S < now - self._looked_at <= STALE_S:
            self._traces.clear()
            self._since = self._looked_at = None


def _start(window: Window, trace: _Trace, now: float) -> float:
    """When the window began that runs now; of one that only ever covers the time before, long ago."""
    if window.period == ONCE or window.metric == CONCURRENCY:
        return 0.0
    if window.kind == "fixed":
        return bounds(window.period, window.zone, now)[0]
    if window.kind == "first_use" and trace.resets_at is not None:
        return trace.resets_at - seconds(window.period) if now < trace.resets_at else trace.resets_at
    return 0.0
