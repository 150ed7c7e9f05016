"""How long quota windows are: a calendar unit, or any number of them.

A period is a word: the name of a unit ("day"), or a number before it ("5hour", "90second"). Every length has one word only, so that words
can be compared: seconds and minutes are told in the largest unit that fits ("minute", never "60second"). Hours are never told in days: a
day of the calendar has 23 to 25 of them. Pure: what a calendar says of `now` (UTC epoch seconds) depends on nothing but the zone.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

Unit = Literal["second", "minute", "hour", "day", "week", "month"]
Period = str

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
DAY_S: Final = 86_400
UNIT_SECONDS: Final[dict[Unit, int]] = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": DAY_S,
    "week": 7 * DAY_S,
    "month": 30 * DAY_S,
}
MAX_SECONDS: Final = 366 * DAY_S
SECOND: Final[Period] = "second"
ONCE: Final[Period] = "once"
"""No length ends it: what is used is never given back."""
NOW: Final[Period] = "now"
"""No length at all: what is under way at this moment."""

_WORD = re.compile(rf"(\d{{1,9}})?({'|'.join(UNITS)})", re.ASCII)
_LARGER: Final[dict[Unit, Unit]] = {"second": "minute", "minute": "hour"}


class PeriodError(ValueError):
    """A word that names no period."""


class Length(Struct, frozen=True):
    """A period taken apart: `count` of `unit`. `seconds` is what a rolling window covers; a month has 30 days there."""

    unit: Unit
    count: int
    seconds: int


@lru_cache(maxsize=1024)
def parse(period: Period) -> Length:
    """Raises PeriodError, which says what to write instead."""
    found = _WORD.fullmatch(period)
    if found is None:
        raise PeriodError(f"{period!r} is no length: {', '.join(UNITS)}, or a number before one (5hour)")
    unit: Unit = next(unit for unit in UNITS if unit == found[2])
    count = int(found[1] or 1)
    if (word := _word(unit, count)) != period:
        raise PeriodError(f"{period!r} is written {word!r}")
    seconds = count * UNIT_SECONDS[unit]
    if not 0 < seconds <= MAX_SECONDS:
        raise PeriodError(f"{period!r} is not between a second and {MAX_SECONDS // DAY_S} days")
    return Length(unit, count, seconds)


def seconds(period: Period) -> int:
    """How long a rolling window of this length looks back. Raises PeriodError."""
    return parse(period).seconds


def bounds(period: Period, zone: str, now: float) -> tuple[float, float]:
    """Start and end of the fixed window that `now` falls into. Raises PeriodError; ZoneInfoNotFoundError for days and longer.

    Seconds, minutes and hours are counted from the epoch. Days, weeks (from Monday) and months start at local midnight of `zone`; several
    of them are counted from the calendar's beginning.
    """
    length = parse(period)
    if length.unit in ("second", "minute", "hour"):
        start = int(now) // length.seconds * length.seconds
        return float(start), float(start + length.seconds)
    local = ZoneInfo(zone)
    today = datetime.fromtimestamp(int(now), local).date()
    first, beyond = _dates(length, today)
    return midnight(first, local), midnight(beyond, local)


def _word(unit: Unit, count: int) -> Period:
    while unit in _LARGER and count and count % 60 == 0:
        unit, count = _LARGER[unit], count // 60
    return unit if count == 1 else f"{count}{unit}"


def _dates(length: Length, today: date) -> tuple[date, date]:
    """The first day of the window around `today`, and the first one after it."""
    if length.unit == "month":
        months = today.year * 12 + today.month - 1
        months -= months % length.count
        return _first_of(months), _first_of(months + length.count)
    days = length.count * (7 if length.unit == "week" else 1)
    since = (today - date.min).days  # 1 January of year 1 was a Monday
    first = today - timedelta(days=since % days)
    return first, first + timedelta(days=days)


def _first_of(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)


def midnight(day: date, zone: ZoneInfo) -> float:
    """The first of two midnights; where there is none, the moment at which it would have been."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
