"""How long usage events are kept, and how they go: whole days, never before they are rolled up, and what they used is carried over.

First the horizon moves, so that nobody rolls their days up any more; then they are deleted. On PostgreSQL a month is dropped in an instant;
what is not a month's goes in batches, so small that no writer notices.
"""

from datetime import UTC, datetime, timedelta
from math import inf

import structlog
from django.db import OperationalError, transaction

from apps.analytics import partitions
from apps.analytics.carrying import carry_over
from apps.analytics.models import UsageEventRow
from apps.analytics.partitions import Month
from apps.analytics.rollup import building, pending
from apps.analytics.rollup.horizon import believed, horizon, move_to
from apps.analytics.rollup.spans import A_DAY, DAY, end_of, start_of
from apps.core import clock
from apps.core.moments import midnight
from apps.core.redaction import scrub

log = structlog.get_logger("freeai.usage")

KEEP_DAYS = 90
BATCH = 1_000  # SQLite lets nobody else write for some 20 ms


def purge(
    now: float,
    *,
    days: int = KEEP_DAYS,
    budget_s: float = inf,
    by_schedule: bool = False,
    using: str = "default",
) -> int:
    """Delete the events of all days that ended more than `days` ago, oldest first; begin nothing after `budget_s`. `by_schedule`:
    where there are months, only of those that are over by then, which costs nothing, but leaves some events for a month longer; and a clock
    that leapt ahead is not believed at once.

    Days that are not rolled up yet are, and those that cannot be stay. Returns how many events went. Raises DatabaseError.
    """
    moment, stop_at = datetime.fromtimestamp(now, UTC), clock.monotonic() + budget_s
    partitions.drop_gone(using)
    today = believed(moment.date(), using) if by_schedule else moment.date()
    wanted = _wanted(midnight(today - timedelta(days=days)), by_schedule, using)
    if wanted is not None:
        move_to(_rolled_up_to(wanted, moment, stop_at, using).date(), using)
    limit = horizon(using)
    if limit is None:
        return 0
    dropped, is_held = _drop_months(limit, stop_at, using)
    return dropped if is_held else dropped + _delete_rows(limit, stop_at, using)


def _wanted(cutoff: datetime, by_schedule: bool, using: str) -> datetime | None:
    """The midnight before which events should go; None where there is no reason for one yet."""
    if not UsageEventRow.objects.using(using).filter(at__lt=cutoff).exists():
        return None
    months = partitions.months(using) if by_schedule else []
    staying = [month for month in months if month.end + A_DAY > cutoff]
    if not staying:
        return cutoff
    begin = staying[0].begin
    if begin is None:  # all that was there when the months began: it goes row by row, as it always did
        return cutoff
    return min(cutoff, max([begin, *(_after(month, using) for month in months if month not in staying)]))


def _after(month: Month, using: str) -> datetime:
    """The first midnight after its last event, whose id was made a moment before: as a rule, the month's end."""
    last = month.last_at(using)
    return month.end if last is None else max(month.end, end_of(DAY, start_of(DAY, last)))


def _rolled_up_to(limit: datetime, now: datetime, stop_at: float, using: str) -> datetime:
    """Roll up what is not, of the days before the limit; returns the limit, or the first day that could not be."""
    for day in sorted(pending.pending(now, using)):
        if midnight(day) < limit and (clock.monotonic() >= stop_at or not building.roll_up(day, now, using)):
            return midnight(day)
    return limit


def _drop_months(limit: datetime, stop_at: float, using: str) -> tuple[int, bool]:
    """How many events went, and whether somebody holds a month, which is not to be deleted row by row instead."""
    dropped, is_held = 0, False
    for month in partitions.months(using):
        last = month.last_at(using)
        if month.end <= limit and (last is None or last < limit) and clock.monotonic() < stop_at:
            count = _drop(month, using)
            dropped, is_held = dropped + (count or 0), is_held or count is None
    partitions.drop_gone(using)
    return dropped, is_held


def _drop(month: Month, using: str) -> int | None:
    """How many events went with it; None where somebody holds it."""
    try:
        with partitions.dropping(month, using):
            events = month.events(using)
            count = events.count()
            carry_over(events, using)
    except OperationalError as error:
        log.warning(
            "usage.month_held", month=month.name, error=scrub(str(error)), remedy="The next run tries again."
        )
        return None
    log.info("usage.month_dropped", month=month.name, events=count)
    return count


def _delete_rows(limit: datetime, stop_at: float, using: str) -> int:
    deleted = 0
    while True:
        count = _delete_batch(limit, using)
        deleted += count
        if count < BATCH or clock.monotonic() >= stop_at:
            return deleted


def _delete_batch(limit: datetime, using: str) -> int:
    """Delete the oldest; what they used is carried over in the same transaction."""
    with transaction.atomic(using=using):
        rows = UsageEventRow.objects.using(using)
        oldest = rows.select_for_update().filter(at__lt=limit).order_by("at")
        ids = list(oldest.values_list("pk", flat=True)[:BATCH])
        these = rows.filter(pk__in=ids)
        carry_over(these, using)
        these.delete()
    return len(ids)
