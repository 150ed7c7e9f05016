"""Which slices of the past rollups tell of: those to which nothing was written since, and whose events are kept (what used those that
went is carried over, and would count twice)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from apps.analytics.models import UsageDigest
from apps.analytics.rollup.building import EVERYBODY
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.marks import marked_hours
from apps.analytics.rollup.spans import A_DAY, DAY, HOUR, end_of, start_of
from apps.analytics.rollup.spent import BucketUsage, merged, of_days, unpack_halves
from apps.analytics.slices import HALF, Slice


class Past(Struct, frozen=True):
    """By where they begin: whole days of UTC, and half hours."""

    days: Mapping[datetime, Sequence[BucketUsage]] = {}
    halves: Mapping[datetime, Sequence[BucketUsage]] = {}

    def between(self, start: datetime, end: datetime) -> list[BucketUsage] | None:
        """What was used then; None where events alone tell."""
        if end - start == A_DAY and (day := self.days.get(start)) is not None:
            return list(day)
        halves = list(_halves(start, end)) if is_aligned(start, end) else []
        if not halves or not all(half in self.halves for half in halves):
            return None
        return list(merged(bucket for half in halves for bucket in self.halves[half]))


def is_aligned(start: datetime, end: datetime) -> bool:
    """Whether the slice is made of half hours."""
    return all(
        (moment.minute % 30, moment.second, moment.microsecond) == (0, 0, 0) for moment in (start, end)
    )


def read_past(slices: Collection[Slice], using: str) -> Past:
    """Of these slices, what is rolled up. Raises DatabaseError."""
    days = {start for start, end in slices if end - start == A_DAY and start == start_of(DAY, start)}
    hours = {
        start_of(HOUR, half)
        for start, end in slices
        if start not in days and end - start <= A_DAY and is_aligned(start, end)
        for half in _halves(start, end)
    }
    if not days and not hours:
        return Past()
    first, last = min(days | hours), max(days | hours) + A_DAY
    limit, marked = horizon(using) or first, marked_hours(first, last, using)
    of_all = UsageDigest.objects.using(using).filter(user_id=EVERYBODY)
    halves: dict[datetime, list[BucketUsage]] = {}
    for hour, spent in of_all.filter(grain=HOUR, start__in=hours).values_list("start", "spent"):
        if spent is not None and hour >= limit and hour not in marked:
            halves[hour], halves[hour + HALF] = unpack_halves(spent)
    rows = of_all.filter(grain=DAY, start__gte=max(first, limit), start__lt=last).values_list(
        "start", "until"
    )
    written = {start_of(DAY, hour) for hour in marked}
    whole = [
        start
        for start, until in rows
        if start in days and until == end_of(DAY, start) and start not in written
    ]
    used = of_days([day.date() for day in whole], using)
    return Past({day: used.get(day.date(), []) for day in whole}, halves)


def _halves(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += HALF
