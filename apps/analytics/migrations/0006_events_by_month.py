"""On PostgreSQL the usage events come into partitions of a month each, by the time in their ids.

No row is copied: the table that is there becomes the partition of all that is before a month to come. It is looked through once, while
everybody reads and writes; what locks it is done in milliseconds. May be killed at any time and run again. SQLite keeps one table.
"""

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import OperationalError, migrations, transaction

from apps.core.postgres.patience import PATIENCE_S

LOCK_TRIES = 10  # readers may hold the table for some seconds
LONGEST_S = 6 * 3600.0  # for one statement, over a ledger of any size
IS_DIVIDED = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('usage_events')"
INDEXES = """
    SELECT relname, indisprimary, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = to_regclass('usage_events')
"""
GRANT_AS_BEFORE = """
    DO $$ DECLARE given record; BEGIN
        FOR given IN
            SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who, privilege_type AS what
            FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass('{old}') AND grantee <> relowner
        LOOP EXECUTE format('GRANT %s ON usage_events TO %s', given.what, given.who); END LOOP;
    END $$
"""


def divide(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with _patience(connection), connection.cursor() as cursor:
        cursor.execute(IS_DIVIDED)
        if cursor.fetchone()[0]:
            return
        month = _next_month(datetime.now(UTC) + timedelta(days=2))
        with _atomic(connection, cursor):
            _bound(cursor, UUID(int=int(month.timestamp() * 1000) << 80))
        cursor.execute("ALTER TABLE usage_events VALIDATE CONSTRAINT usage_events_bound")
        _as_locks_allow(lambda: _swap(connection, cursor, month))


def put_together(apps, schema_editor):
    """Back into one table: row by row, and nobody writes meanwhile."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with _patience(connection), connection.cursor() as cursor, _atomic(connection, cursor):
        cursor.execute("LOCK TABLE usage_events IN ACCESS EXCLUSIVE MODE")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        cursor.execute("CREATE TABLE usage_events_whole (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute("INSERT INTO usage_events_whole SELECT * FROM usage_events")
        cursor.execute("DROP TABLE usage_events")
        cursor.execute("ALTER TABLE usage_events_whole RENAME TO usage_events")
        _index(cursor, indexes)


def _bound(cursor, least):
    """From now on the table takes nothing from that id on; what it has of such, by a clock that was ahead, waits in the default partition."""
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS usage_events_default"
        " (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
    )
    cursor.execute("ALTER TABLE usage_events DROP CONSTRAINT IF EXISTS usage_events_bound")
    _move(cursor, "usage_events_default", "usage_events", "id < %s", least)  # of a run that was killed a month ago
    _move(cursor, "usage_events", "usage_events_default", "id >= %s", least)
    cursor.execute(f"ALTER TABLE usage_events ADD CONSTRAINT usage_events_bound CHECK (id < '{least}') NOT VALID")


def _swap(connection, cursor, month):
    least = UUID(int=int(month.timestamp() * 1000) << 80)
    old = f"usage_events_before_{month:%Y_%m}"
    with _atomic(connection, cursor):
        cursor.execute("LOCK TABLE usage_events IN ACCESS EXCLUSIVE MODE")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _, _ in indexes:
            cursor.execute(f"ALTER INDEX {name} RENAME TO {name[:40]}_before_{month:%Y_%m}")
        cursor.execute(f"ALTER TABLE usage_events RENAME TO {old}")
        cursor.execute(
            f"CREATE TABLE usage_events (LIKE {old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id)"
        )
        cursor.execute("ALTER TABLE usage_events DROP CONSTRAINT usage_events_bound")
        _index(cursor, indexes)
        cursor.execute(GRANT_AS_BEFORE.format(old=old))
        cursor.execute(f"ALTER TABLE usage_events ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{least}')")
        cursor.execute("ALTER TABLE usage_events ATTACH PARTITION usage_events_default DEFAULT")
        cursor.execute(f"ALTER TABLE {old} DROP CONSTRAINT usage_events_bound")


def _index(cursor, indexes):
    for name, is_primary, definition in indexes:
        primary = f"ALTER TABLE usage_events ADD CONSTRAINT {name} PRIMARY KEY (id)"
        cursor.execute(primary if is_primary else definition)


def _move(cursor, source, target, which, least):
    cursor.execute(
        f"WITH moved AS (DELETE FROM {source} WHERE {which} RETURNING *) INSERT INTO {target} SELECT * FROM moved", [least]
    )


def _next_month(moment):
    return (moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)


def _as_locks_allow(work):
    for left in reversed(range(LOCK_TRIES)):
        try:
            return work()
        except OperationalError:
            if not left:
                raise
            time.sleep(1)


@contextmanager
def _atomic(connection, cursor):
    """Whoever waits for a lock makes all others wait behind: briefly, then."""
    with transaction.atomic(using=connection.alias):
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        yield


@contextmanager
def _patience(connection):
    """For statements that take as long as the ledger is large."""
    token = PATIENCE_S.set(LONGEST_S)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            (usual,) = cursor.fetchone()
            cursor.execute("SET statement_timeout = 0")
            try:
                yield
            finally:
                cursor.execute(f"SET statement_timeout = '{usual}'")
    finally:
        PATIENCE_S.reset(token)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("analytics", "0005_rollups")]

    operations = [migrations.RunPython(divide, put_together)]
