"""Which days have to be rolled up, and doing it."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct

from apps.analytics.models import UnrolledHour, UsageDigest
from apps.analytics.rollup import building
from apps.analytics.rollup.building import EVERYBODY
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.spans import DAY, HOUR, end_of, start_of, starts
from apps.core import clock

log = structlog.get_logger("freeai.usage")

KEEP_DAYS: Final = 730
"""How many days before today rollups are kept: the first of the 730 days of a report may begin on the UTC day before."""


class Done(Struct):
    """`days` were rolled up. `left`: the time was up before the others; `overtaken`: somebody else rolled some up meanwhile."""

    days: int
    left: bool = False
    overtaken: bool = False


def oldest(now: datetime) -> datetime:
    """Where the first day begins whose rollup is kept."""
    return start_of(DAY, now) - timedelta(days=KEEP_DAYS)


def roll_up_pending(now: float, *, budget_s: float, using: str = "default") -> Done:
    """Roll up all days that call for it, the newest first; begin none after `budget_s`. Raises DatabaseError."""
    moment = datetime.fromtimestamp(now, UTC)
    _forget_late_marks(using)
    stop_at = clock.monotonic() + budget_s
    done = Done(0)
    for day in pending(moment, using):
        if clock.monotonic() >= stop_at:
            done.left = True
            break
        if building.roll_up(day, moment, using):
            done.days += 1
        else:
            done.overtaken = True
    return done


def pending(now: datetime, using: str) -> list[date]:
    """The days that have a mark, or an hour or all of which is over and not rolled up; the newest first. Raises DatabaseError."""
    event, today = building.first_event(using), start_of(DAY, now)
    if event is None:
        return []
    since = max(start_of(DAY, event), horizon(using) or oldest(now), oldest(now))
    of_all = UsageDigest.objects.using(using).filter(user_id=EVERYBODY, start__gte=since)
    spans = of_all.values_list("grain", "start", "until")
    rolled = {(grain, start) for grain, start, until in spans if grain != DAY or until == end_of(DAY, start)}
    hours = starts(HOUR, since, start_of(HOUR, now))
    marked = UnrolledHour.objects.using(using).filter(hour__gte=since, hour__lte=now)
    found = {hour.date() for hour in hours if (HOUR, hour) not in rolled}
    found |= {day.date() for day in starts(DAY, since, today) if (DAY, day) not in rolled}
    found |= {hour.date() for hour in marked.values_list("hour", flat=True)}
    return sorted(found, reverse=True)


def _forget_late_marks(using: str) -> None:
    """What is written of a time whose events are deleted comes too late to be rolled up."""
    if limit := horizon(using):
        late, _ = UnrolledHour.objects.using(using).filter(hour__lt=limit).delete()
        if late:
            log.warning("usage.too_late_to_roll_up", hours=late, before=limit.isoformat())
