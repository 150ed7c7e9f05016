"""Which counter counts a window, how far back it looks, and what it says. Pure; `now` is UTC epoch seconds."""

from apps.core.state.contract import Reading, Window
from apps.core.state.counters.bucket import BucketCounter
from apps.core.state.counters.counter import Counter
from apps.core.state.counters.endless import HeldCounter, OnceCounter
from apps.core.state.counters.first_use import FirstUseCounter
from apps.core.state.counters.fixed import FixedCounter
from apps.core.state.counters.rolling import SUB_BUCKETS, RollingCounter
from apps.core.state.counters.spacing import SpacingCounter
from apps.core.state.keys import CONCURRENCY
from apps.core.state.periods import ONCE, SECOND, bounds, seconds

LOOK_BACK = 3
"""Periods after which what came before hardly matters any more for a window whose state follows from the one before."""


def counts_since(window: Window, now: float) -> float:
    """No earlier charge is counted at `now`. Raises as `new_counter`."""
    if window.metric == CONCURRENCY:
        return now
    if window.period == ONCE:
        return 0.0
    match window.kind:
        case "fixed":
            return bounds(window.period, window.zone, now - window.margin_s)[0] - window.margin_s
        case "rolling":
            return now - seconds(window.period) * (SUB_BUCKETS + 1) / SUB_BUCKETS - window.margin_s
        case "bucket" | "first_use":
            return now - seconds(window.period) * LOOK_BACK


def new_counter(window: Window, now: float) -> Counter:
    """An empty counter. Raises PeriodError; ZoneInfoNotFoundError when a fixed day or longer has an unknown zone."""
    if window.metric == CONCURRENCY:
        return HeldCounter()
    if window.period == ONCE:
        return OnceCounter()
    if window.margin_s and window.period == SECOND:
        return SpacingCounter(window.margin_s)
    match window.kind:
        case "fixed":
            return FixedCounter(window.period, window.zone, now, window.margin_s)
        case "rolling":
            return RollingCounter(window.period, window.margin_s)
        case "bucket":
            return BucketCounter(window.period, window.limit, now, window.margin_s)
        case "first_use":
            return FirstUseCounter(window.period)


def read_counter(counter: Counter | None, window: Window, now: float) -> Reading:
    """What `counter` says of `window`; None for one of which nothing is counted yet."""
    if counter is None:
        counter = new_counter(window, now)
    lesson = counter.learnt
    limit = window.limit if lesson is None else lesson.limit_of(window)
    if now >= counter.stale_at:
        counter.roll(now, limit)
    used, resets_at, reported_at = counter.used, counter.resets_at(), None
    cap = counter.live_cap(now)
    if cap is not None and (shown := counter.shown(limit, now)) > used:
        used, reported_at = shown, cap.since
        resets_at = cap.until if resets_at is None else max(resets_at, cap.until)
    return Reading(
        used=used,
        counted=counter.used,
        free_at=counter.free_at(1, limit, now),
        resets_at=resets_at,
        returns=counter.returns(),
        reported_at=reported_at,
        lesson=lesson,
        granted=counter.granted(now),
    )
