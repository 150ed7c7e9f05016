"""When a quota window runs out at the pace of the last hour. Pure; times are UTC epoch seconds.

A forecast is a straight line through an hour, and says so little that it needs at least three uses over at least ten minutes. From less,
or from counters that nobody has looked at lately, there is none, and it says why.
"""

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.contract import Reading, Window
from apps.core.state.keys import CONCURRENCY
from apps.core.state.periods import DAY_S, NOW, ONCE, seconds

State = Literal["lasts", "runs_out", "out"]
Why = Literal["too_little_data", "stale_data", "not_over_time"]

PACE_S: Final = 3600.0
"""How much of the past is taken for the present pace."""
LEAST_USES: Final = 3
LEAST_S: Final = 600.0
STEP_S: Final = 600.0
"""What a forecast is told to."""
REACH_S: Final = 30.0 * DAY_S
"""An hour tells nothing of what comes after that."""


class Pace(Struct, frozen=True):
    """What was used of a window within the last PACE_S, or since it began: `amount` by `uses` requests, over `over_s` seconds, the first
    of them `first_s` seconds ago."""

    amount: int
    uses: int
    over_s: float
    first_s: float


class Forecast(Struct, frozen=True):
    """`state` None: nobody can tell, and `why` says why. lasts: until it resets, or as long as this goes on. runs_out: before that, `at`
    that time. out: nothing is left, until `at` where that is known."""

    state: State | None
    at: float | None = None
    why: Why | None = None

    def rounded(self, now: float) -> "Forecast":
        """As it is told to people: what is forecast to ten minutes, though never in the past."""
        if self.state != "runs_out" or self.at is None:
            return self
        return replace(self, at=max(now, round(self.at / STEP_S) * STEP_S))


def forecast(window: Window, reading: Reading, pace: Pace | None, now: float) -> Forecast:
    """What becomes of a limited window if the last hour goes on. `pace`: None where nobody has looked lately."""
    left = window.limit - reading.used
    if left <= 0:
        return Forecast("out", None if window.period in (ONCE, NOW) else reading.free_at)
    if _is_over_too_soon(window):
        return Forecast(None, why="not_over_time")
    if pace is None:
        return Forecast(None, why="stale_data")
    if pace.uses < LEAST_USES or min(pace.over_s, pace.first_s) < LEAST_S:
        return Forecast(None, why="too_little_data")
    if pace.amount <= 0:
        return Forecast("lasts")
    at = _full_at(window, reading, pace.amount / pace.over_s, now)
    end = now + REACH_S
    if window.kind in ("fixed", "first_use") and reading.resets_at is not None:
        end = min(end, reading.resets_at)
    return Forecast("runs_out", at) if at is not None and at < end else Forecast("lasts")


def _is_over_too_soon(window: Window) -> bool:
    """Whether it has no pace: calls at a time, and what starts anew before enough is known of it."""
    if window.metric == CONCURRENCY:
        return True
    starts_anew = window.period != ONCE and window.kind in ("fixed", "first_use")
    return starts_anew and seconds(window.period) < LEAST_S


def _full_at(window: Window, reading: Reading, rate: float, now: float) -> float | None:
    """When nothing is left at `rate` per second; None if that never comes."""
    left = float(window.limit - reading.used)
    if window.period == ONCE or window.kind in ("fixed", "first_use"):
        return now + left / rate
    length_s = seconds(window.period)
    if rate * length_s <= window.limit:
        return None
    if window.kind == "bucket":
        return now + left / (rate - window.limit / length_s)
    return _rolling_full_at(left, reading, rate, now)


def _rolling_full_at(left: float, reading: Reading, rate: float, now: float) -> float:
    """What is used now falls out bit by bit. What is used from now on does not before the window is full: it holds less than a length of
    this pace."""
    at = now
    for returns_at, amount in reading.returns:
        if at + left / rate <= returns_at:
            break
        left += amount - rate * (returns_at - at)
        at = returns_at
    return at + left / rate
