"""Makes the rollups of a UTC day, again and again if need be: whatever came before, they are those of the events that there are. Hours are
counted from events, days put together from hours and months from days.

Nothing is locked while events are counted. Who writes a span names the build of it that was there when they began to read, and loses if
there is another one by now. Marks go last, and only as they were read first: events that were written meanwhile have left another.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Min, QuerySet

from apps.analytics.models import DailyRollup, UnrolledHour, UsageDigest, UsageEventRow
from apps.analytics.rollup import counting, days, marks
from apps.analytics.rollup.digests import (
    CELL,
    Cell,
    Digest,
    by_user,
    merged,
    pack_parts,
    pack_total,
    unpack_parts,
    unpack_total,
)
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.spans import DAY, HOUR, MONTH, Grain, end_of, start_of, starts
from apps.analytics.rollup.spent import NOTHING_SPENT, pack_halves
from apps.core.ids import uuid7
from apps.core.moments import midnight

EVERYBODY: Final = 0
"""The user number of a digest of all users' events."""
ROWS_AT_ONCE: Final = 500

Builds = Mapping[tuple[str, datetime], UUID]
"""By grain and start, which build of a span there is."""


class Span(NamedTuple):
    """What is rolled up of a span: the day and the month that run are not over."""

    grain: Grain
    start: datetime
    until: datetime


class OvertakenError(Exception):
    """Somebody else rolled the same span up meanwhile, or deletes its events."""


def roll_up(day: date, now: datetime, using: str, *, anew: bool = False) -> bool:
    """Roll up what of the day is not, or all of it `anew`: its hours that are over, and of them the day and the month.

    False when somebody else did so meanwhile (the next run has another look), or where its events are gone. Raises DatabaseError.
    """
    start = midnight(day)
    if _is_gone(start, using):
        return False
    end, month = end_of(DAY, start), start_of(MONTH, start)
    written = list(UnrolledHour.objects.using(using).filter(hour__gte=start, hour__lt=min(end, now)))
    before = _builds(month, end_of(MONTH, month), using)
    over = [hour for hour in starts(HOUR, start, end) if end_of(HOUR, hour) <= now]
    marked = {mark.hour for mark in written}
    try:
        if (
            over
            and not any((HOUR, hour) in before for hour in over)
            and not _events(start, end, using).exists()
        ):
            _store_nothing(over, using)
        else:
            for hour in over:
                if anew or hour in marked or (HOUR, hour) not in before:
                    _roll_up_hour(hour, before, using)
        _write_rows(start, using)
        _join(Span(DAY, start, min(end, start_of(HOUR, now))), over, before, using)
        ended = min(end_of(MONTH, month), start_of(DAY, now))
        days_over = starts(DAY, max(month, _first_day(using, ended)), ended)
        _join(Span(MONTH, month, ended), days_over, before, using)
    except (OvertakenError, IntegrityError):
        return False
    marks.take_off([mark for mark in written if end_of(HOUR, mark.hour) <= now], using)
    return True


def first_event(using: str, since: datetime | None = None) -> datetime | None:
    """When the oldest event began that there is, or that there is from then on. Raises DatabaseError."""
    rows = UsageEventRow.objects.using(using)
    if since is not None:
        rows = rows.filter(at__gte=since)
    first: datetime | None = rows.aggregate(first=Min("at"))["first"]
    return first


def _roll_up_hour(hour: datetime, before: Builds, using: str) -> None:
    """Raises OvertakenError, IntegrityError, DatabaseError."""
    events = _events(hour, end_of(HOUR, hour), using)
    digests = by_user(map(Cell.of, counting.counted(events, *CELL)))
    spent = pack_halves(events, hour) if digests else NOTHING_SPENT
    digests[EVERYBODY] = merged([*digests.values()])
    _store(Span(HOUR, hour, end_of(HOUR, hour)), digests, before, using, spent=spent)


def _store_nothing(hours: Collection[datetime], using: str) -> None:
    """Hours of a day without any event, at once: a gateway that nobody asks has many. What is written meanwhile leaves a mark. Raises
    OvertakenError, IntegrityError."""
    nothing = merged([])
    rows = [
        UsageDigest(
            grain=HOUR,
            start=hour,
            until=end_of(HOUR, hour),
            user_id=EVERYBODY,
            build=UUID(uuid7()),
            total=pack_total(nothing.total),
            parts=pack_parts(nothing.parts),
            spent=NOTHING_SPENT,
        )
        for hour in hours
    ]
    with transaction.atomic(using=using):
        _insist_on_events(min(hours), using)
        UsageDigest.objects.using(using).bulk_create(rows, batch_size=ROWS_AT_ONCE)


def _write_rows(start: datetime, using: str) -> None:
    """Of a day that runs too, for whoever looks into the table: no report reads them before it is over."""
    rows = days.rolled_up(start.date(), _events(start, end_of(DAY, start), using))
    of_day = DailyRollup.objects.using(using).filter(day=start.date())
    with transaction.atomic(using=using):
        _insist_on_events(start, using)
        of_day.delete()
        of_day.bulk_create(rows, batch_size=ROWS_AT_ONCE)


def _first_day(using: str, otherwise: datetime) -> datetime:
    """The first of which there is anything."""
    rolled = UsageDigest.objects.using(using).filter(grain=DAY, user_id=EVERYBODY)
    event = first_event(using, horizon(using))
    known = [rolled.aggregate(first=Min("start"))["first"], event and start_of(DAY, event)]
    return min((first for first in known if first is not None), default=otherwise)


def _join(span: Span, parts: Collection[datetime], before: Builds, using: str) -> None:
    """A day from its hours, or a month from its days: once all these parts of it are rolled up, as one query sees them."""
    grain = HOUR if span.grain == DAY else DAY
    rows = UsageDigest.objects.using(using).filter(grain=grain, start__gte=span.start, until__lte=span.until)
    digests: dict[int, list[Digest]] = defaultdict(list)
    missing = set(parts)
    for user_id, start, until, total, packed in rows.values_list(
        "user_id", "start", "until", "total", "parts"
    ):
        if until == end_of(grain, start):
            if user_id == EVERYBODY:
                missing.discard(start)
            digests[user_id].append(Digest(unpack_total(total), unpack_parts(packed)))
    if parts and not missing:
        _store(span, {user_id: merged(of_user) for user_id, of_user in digests.items()}, before, using)


def _store(
    span: Span, digests: dict[int, Digest], before: Builds, using: str, *, spent: bytes | None = None
) -> None:
    """Those of the users and of everybody, in the place of those before. Raises OvertakenError, IntegrityError."""
    build = UUID(uuid7())
    rows = [
        UsageDigest(
            grain=span.grain,
            start=span.start,
            until=span.until,
            user_id=user_id,
            build=build,
            total=pack_total(digest.total),
            parts=pack_parts(digest.parts),
            spent=spent if user_id == EVERYBODY else None,
        )
        for user_id, digest in digests.items()
    ]
    stored = UsageDigest.objects.using(using).filter(
        grain=span.grain, start__gte=span.start, start__lte=span.start
    )
    known = before.get((span.grain, span.start))
    with transaction.atomic(using=using):
        if span.grain != MONTH:  # which is made of days, and those stay
            _insist_on_events(span.start, using)
        if known and not stored.filter(user_id=EVERYBODY, build=known).delete()[0]:
            raise OvertakenError
        stored.exclude(user_id=EVERYBODY).delete()
        stored.bulk_create(rows, batch_size=ROWS_AT_ONCE)  # where there was none: the constraint lets one win


def _insist_on_events(start: datetime, using: str) -> None:
    """That all of the span's were there when they were counted: they go only after the horizon has moved on. Raises OvertakenError."""
    if _is_gone(start, using):
        raise OvertakenError


def _is_gone(start: datetime, using: str) -> bool:
    limit = horizon(using)
    return limit is not None and start < limit


def _builds(since: datetime, until: datetime, using: str) -> Builds:
    rows = UsageDigest.objects.using(using).filter(user_id=EVERYBODY, start__gte=since, start__lt=until)
    return {(grain, start): build for grain, start, build in rows.values_list("grain", "start", "build")}


def _events(since: datetime, until: datetime, using: str) -> QuerySet[UsageEventRow]:
    return UsageEventRow.objects.using(using).filter(at__gte=since, at__lt=until)
