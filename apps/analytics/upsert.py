"""Usage events into their table: new rows, and what a later event of the same id says more."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from zlib import crc32

import structlog
from django.db import ProgrammingError, connections, transaction
from msgspec import json
from msgspec.structs import astuple, replace

from apps.analytics.events import OF_THE_SPOOL, UsageEvent
from apps.analytics.rollup.marks import mark

log = structlog.get_logger("freeai.usage")

NO_PRIVILEGE = "42501"
ColumnValue = str | int | float | bool | datetime | None

# The columns have the fields' names; those of the spool are the last.
_COLUMNS = tuple(name for name in UsageEvent.__struct_fields__ if name not in OF_THE_SPOOL)
_AT = _COLUMNS.index("at")
_CHARGED = _COLUMNS.index("charged")


def _taken(column: str) -> str:
    """What a row takes over of a later event of the same id."""
    return "usage_events.is_last AND excluded.is_last" if column == "is_last" else f"excluded.{column}"


_MERGE = (
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = {_taken(name)}' for name in _COLUMNS[1:])}"
    " WHERE (usage_events.outcome = 'interrupted' AND excluded.outcome <> 'interrupted')"
    " OR (usage_events.is_last AND NOT excluded.is_last AND (usage_events.outcome = 'interrupted' OR excluded.outcome <> 'interrupted'))"
)
_NAMES = ", ".join(_COLUMNS)
_UPSERT = f"INSERT INTO usage_events ({_NAMES}) VALUES ({', '.join(['%s'] * len(_COLUMNS))}){_MERGE}"  # noqa: S608
# A pooler may keep a connection for longer than a release: its table is named by the columns.
_INCOMING = f"usage_incoming_{crc32(_NAMES.encode()):08x}"
_CREATE = f"CREATE TEMP TABLE IF NOT EXISTS {_INCOMING} (LIKE usage_events) ON COMMIT DELETE ROWS"
_COPY = f"COPY {_INCOMING} ({_NAMES}) FROM STDIN"
_TAKE = f"INSERT INTO usage_events ({_NAMES}) SELECT {_NAMES} FROM {_INCOMING}{_MERGE}"  # noqa: S608

_without_copy: set[str] = set()


def upsert(batch: Sequence[UsageEvent], using: str) -> None:
    """Write a batch in one short transaction, and that its hours have to be rolled up. Raises django.db.Error, and ValueError or
    OverflowError for what no column holds.

    PostgreSQL gets it by COPY into a table of the connection's own, and takes it from there: 9 us of our CPU a row where executemany takes
    41, and an eighth of the time. On SQLite executemany takes 11, a multi-row VALUES 23 to 34, bulk_create 118 (2026-11).
    """
    if connections[using].vendor == "postgresql" and _copied(batch, using):
        return
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.executemany(_UPSERT, list(_rows(batch, using)))
        mark(cursor, [event.at for event in batch])


def _copied(batch: Sequence[UsageEvent], using: str) -> bool:
    """Whether the batch was written by COPY: a role may have no right to tables of its own."""
    if using in _without_copy:
        return False
    try:
        _copy(batch, using)
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != NO_PRIVILEGE:
            raise
        _without_copy.add(using)
        log.warning(
            "usage.no_copy",
            remedy="GRANT TEMPORARY ON DATABASE … TO FreeAI's role: it writes at a third of the price.",
        )
        return False
    return True


def _copy(batch: Sequence[UsageEvent], using: str) -> None:
    connection = connections[using]
    with connection.wrap_database_errors, transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cursor.copy(_COPY) as copy:
            for row in _rows(_once(batch), using):
                copy.write_row(row)
        cursor.execute(_TAKE)
        mark(cursor, [event.at for event in batch])


def _once(batch: Sequence[UsageEvent]) -> Collection[UsageEvent]:
    """Every id once, which a single statement insists on: as the table would have it after all of them."""
    merged: dict[str, UsageEvent] = {}
    for event in batch:
        key = event.id.strip("{}").replace("-", "").lower()  # all that PostgreSQL takes for the same
        known = merged.get(key)
        merged[key] = event if known is None else _merged(known, event)
    return merged.values()


def _merged(known: UsageEvent, later: UsageEvent) -> UsageEvent:
    """What `_MERGE` says, row by row."""
    is_better = known.outcome == "interrupted" and later.outcome != "interrupted"
    is_no_worse = known.outcome == "interrupted" or later.outcome != "interrupted"
    if is_better or (known.is_last and not later.is_last and is_no_worse):
        return replace(later, is_last=known.is_last and later.is_last)
    return known


def _rows(batch: Collection[UsageEvent], using: str) -> Iterator[list[ColumnValue]]:
    adapt = connections[using].ops.adapt_datetimefield_value
    for event in batch:
        row: list[ColumnValue] = list(astuple(event)[: len(_COLUMNS)])
        row[_AT] = adapt(datetime.fromtimestamp(event.at, UTC))
        row[_CHARGED] = json.encode(event.charged).decode()
        yield row
