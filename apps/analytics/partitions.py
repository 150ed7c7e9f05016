"""The months of the ledger on PostgreSQL, each a partition of `usage_events` that can be dropped in an instant.

They part the events by id, whose first bits are a time, so that an id stays unique and is found in one of them. What fits into no month
(by a clock that was wrong, or later than its month was dropped) is in a default partition, so that no event is ever refused. SQLite has
one table, and an installation whose table was never divided is served as well: there are no months then.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import structlog
from django.db import DatabaseError, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Max, QuerySet

from apps.analytics.models import UsageEventRow
from apps.analytics.rollup.spans import MONTH, end_of, start_of, starts
from apps.core.ids import least_at
from apps.core.postgres.patience import PATIENCE_S
from apps.core.redaction import scrub

log = structlog.get_logger("freeai.usage")

AHEAD: Final = 3
"""Months that are made before they come."""
MOST_MOVED: Final = 100_000
"""Events of a month that was not made in time: with more, it stays in the default partition."""
LOCK_S: Final = 2
"""Whoever waits for a lock on the ledger makes writers wait behind."""
LONGEST_S: Final = 600.0
"""For what is summed up of a month before it is dropped."""

GONE: Final = "usage_events_gone_"

_PARTITIONS: Final = """
    SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = to_regclass('usage_events')
"""
_GONE: Final = """
    SELECT relname FROM pg_class
    WHERE starts_with(relname, %s) AND relkind = 'r' AND NOT relispartition AND relnamespace = current_schema()::regnamespace
"""
_BOUNDS: Final = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'([0-9a-f-]{36})')\) TO \('([0-9a-f-]{36})'\)")


class Month(NamedTuple):
    """A partition; ids from `since` on (None: from the first) and before `until`. It may be several months, where there is no `since`."""

    name: str
    since: UUID | None
    until: UUID

    @property
    def begin(self) -> datetime | None:
        """No id in it was made before."""
        return None if self.since is None else _made_at(self.since)

    @property
    def end(self) -> datetime:
        """No id in it was made from then on."""
        return _made_at(self.until)

    def events(self, using: str) -> QuerySet[UsageEventRow]:
        """What is in it."""
        rows = UsageEventRow.objects.using(using).filter(id__lt=self.until)
        return rows if self.since is None else rows.filter(id__gte=self.since)

    def last_at(self, using: str) -> datetime | None:
        """When the latest of its attempts began; None where there is none. Raises DatabaseError."""
        latest: datetime | None = self.events(using).aggregate(latest=Max("at"))["latest"]
        return latest


def months(using: str) -> list[Month]:
    """Those that there are, the oldest first. Raises DatabaseError."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        bounds = [(name, found) for name, text in cursor.fetchall() if (found := _BOUNDS.fullmatch(text))]
    made = [Month(name, UUID(found[1]) if found[1] else None, UUID(found[2])) for name, found in bounds]
    return sorted(made, key=lambda month: month.until)


def make_ahead(now: float, using: str = "default") -> int:
    """Make the months to come that are not there; returns how many. What cannot be made is logged and tried again by the next run: its
    events are kept in the default partition. Raises DatabaseError where the database is away."""
    known = months(using)
    if not known and not _is_divided(using):
        return 0
    this = start_of(MONTH, datetime.fromtimestamp(now, UTC))
    first = max([this, *(month.end for month in known)])
    beyond = this
    for _ in range(AHEAD + 1):
        beyond = end_of(MONTH, beyond)
    return sum(_made(start, using) for start in starts(MONTH, this, beyond) if start >= first)


@contextmanager
def dropping(month: Month, using: str) -> Iterator[None]:
    """Take it out at the end, all in one transaction; `drop_gone` deletes it. Nobody writes to it within, and others are kept waiting only
    while it goes. Raises DatabaseError, OperationalError where somebody holds it: nothing has changed then."""
    token = PATIENCE_S.set(LONGEST_S)
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(
                f"SET LOCAL lock_timeout = '{LOCK_S}s'; SET LOCAL statement_timeout = '{LONGEST_S:.0f}s'"
            )
            cursor.execute(f"LOCK TABLE {month.name} IN SHARE MODE")
            yield
            cursor.execute(f"ALTER TABLE usage_events DETACH PARTITION {month.name}")
            cursor.execute(
                f"ALTER TABLE {month.name} RENAME TO {GONE}{month.name.removeprefix('usage_events_')}"
            )
    finally:
        PATIENCE_S.reset(token)


def drop_gone(using: str) -> None:
    """Those that `dropping` took out, by a process that was killed too. The system takes a while to delete large files: nobody waits for
    them any more. Raises DatabaseError."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(_GONE, [GONE])
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE IF EXISTS {name}")


def _made(start: datetime, using: str) -> bool:
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            return _make(cursor, start)
    except DatabaseError as error:
        log.warning(
            "usage.no_month",
            month=f"{start:%Y-%m}",
            error=scrub(str(error)),
            remedy="Nothing is lost; old events of that month will be deleted row by row. Say yes to CREATE on the schema, if it is that.",
        )
        return False


def _make(cursor: CursorWrapper, start: datetime) -> bool:
    """Its events may be in the default partition by now: they move."""
    least, beyond = least_at(start.timestamp()), least_at(end_of(MONTH, start).timestamp())
    name = f"usage_events_{start:%Y_%m}"
    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
    cursor.execute(
        f"CREATE TABLE {name} (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
    )
    cursor.execute("LOCK TABLE usage_events_default IN ACCESS EXCLUSIVE MODE")
    cursor.execute(_MOVE.format(name=name), [least, beyond, MOST_MOVED + 1])
    if cursor.rowcount > MOST_MOVED:
        raise DatabaseError(f"more than {MOST_MOVED} of its events are in usage_events_default")
    cursor.execute(
        f"ALTER TABLE usage_events ATTACH PARTITION {name} FOR VALUES FROM ('{least}') TO ('{beyond}')"
    )
    return True


def _made_at(own_id: UUID) -> datetime:
    return datetime.fromtimestamp((own_id.int >> 80) / 1000, UTC)


def _is_divided(using: str) -> bool:
    connection = connections[using]
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('usage_events')")
        found = cursor.fetchone()
    return bool(found and found[0])


_MOVE: Final = """
    WITH these AS (SELECT id FROM usage_events_default WHERE id >= %s AND id < %s LIMIT %s),
    moved AS (DELETE FROM usage_events_default WHERE id IN (SELECT id FROM these) RETURNING *)
    INSERT INTO {name} SELECT * FROM moved
"""
