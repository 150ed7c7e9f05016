"""The spans of time that are rolled up: hours, days and months of UTC."""

from datetime import datetime, timedelta
from typing import Final, Literal

Grain = Literal["hour", "day", "month"]
HOUR: Final[Grain] = "hour"
DAY: Final[Grain] = "day"
MONTH: Final[Grain] = "month"
AN_HOUR: Final = timedelta(hours=1)
A_DAY: Final = timedelta(days=1)


def start_of(grain: Grain, moment: datetime) -> datetime:
    """Where the span begins that the moment lies in."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if grain == HOUR:
        return hour
    return hour.replace(hour=0) if grain == DAY else hour.replace(hour=0, day=1)


def end_of(grain: Grain, start: datetime) -> datetime:
    """Where the span ends that begins there: the next one's start."""
    if grain == MONTH:
        return start_of(MONTH, start + timedelta(days=31))
    return start + (AN_HOUR if grain == HOUR else A_DAY)


def starts(grain: Grain, since: datetime, until: datetime) -> list[datetime]:
    """Of the spans from the one that begins at `since` on, those that begin before `until`."""
    found = []
    while since < until:
        found.append(since)
        since = end_of(grain, since)
    return found
