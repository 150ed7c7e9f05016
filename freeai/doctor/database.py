"""The database: is it there, is it of this version, may FreeAI do in it what it needs to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from apps.analytics import partitions
from apps.core import clock
from apps.core.redaction import scrub
from apps.gateway.process.setup import unapplied_migrations
from freeai.doctor.findings import Finding, error, ok, warning
from freeai.doctor.machine import NETWORK, file_system
from freeai.refusals import PAST_A_POOLER, sentence

OLDEST_POSTGRESQL: Final = 14
SKEW_S: Final = 2.0
CHECKED_BYTES: Final = 256 * 1024 * 1024
"""Of a larger SQLite file a check takes minutes: `PRAGMA integrity_check` by hand."""
WHICH: Final = "SELECT pg_postmaster_start_time()::text || ' ' || oid FROM pg_database WHERE datname = current_database()"
"""The same of one database of one server, and of no other."""
OF_LOOPS: Final = 6
"""Connections of the background loops and the Celery worker, beside those of requests."""


def reachable() -> Iterator[Finding]:
    """Whether it answers at all: nothing else can be asked of it otherwise. SQLite would make a file that is not there."""
    if connection.vendor == "sqlite" and not (
        connection.connection or Path(connection.settings_dict["NAME"]).exists()
    ):
        yield error(
            f"{connection.settings_dict['NAME']} is not there: FreeAI is not set up here.",
            "manage.py setup, or correct FREEAI_DATA_DIR or FREEAI_DATABASE_URL.",
        )
        return
    try:
        connection.ensure_connection()
        connection.introspection.table_names()
    except (DatabaseError, InterfaceError) as failure:
        yield error(
            sentence(failure) or f"The database does not answer: {type(failure).__name__}.",
            "See the sentence.",
        )
        return
    yield ok(f"{connection.vendor} answers.")


def migrations() -> Iterator[Finding]:
    """Of this version, neither older nor newer."""
    missing = unapplied_migrations()
    loader = MigrationExecutor(connection).loader
    applied, known = set(loader.applied_migrations), set(loader.disk_migrations)
    if missing:
        yield error(
            f"{len(missing)} migrations are missing, {missing[0]} first: the database is of an older version."
            if applied
            else "Nothing is set up in the database yet.",
            "manage.py setup (a start does it too)",
        )
    newer = sorted(f"{app}.{name}" for app, name in applied - known if app in loader.migrated_apps)
    if newer:
        yield error(
            f"The database is of a newer version than this one: it has {newer[-1]}, which this one does not know.",
            "Run the version that it was made with, or restore a backup of before.",
        )
    if not missing and not newer:
        yield ok("All migrations are applied.")


def kind() -> Iterator[Finding]:
    """What the vendor calls for."""
    yield from _postgresql() if connection.vendor == "postgresql" else _sqlite()


def pooler() -> Iterator[Finding]:
    """Whether FREEAI_DATABASE_POOLER_URL, where it is set, leads to the same database."""
    if settings.FREEAI_DATABASE_POOLER is None:
        return
    of = connections[DEFAULT_DB_ALIAS].settings_dict | settings.FREEAI_DATABASE_POOLER
    through = type(connections[DEFAULT_DB_ALIAS])(of, DEFAULT_DB_ALIAS)
    try:
        with through.cursor() as cursor:
            cursor.execute(WHICH)
            which = cursor.fetchall()[0][0]
    except (DatabaseError, InterfaceError) as failure:
        yield error(
            f"The pooler does not answer: {scrub(str(failure)).splitlines()[0]}.",
            "Start it, or correct FREEAI_DATABASE_POOLER_URL.",
        )
        return
    finally:
        through.close()
    if which != _value(WHICH):
        yield error(
            "FREEAI_DATABASE_POOLER_URL leads to another database than FREEAI_DATABASE_URL.",
            "Let both lead to one, or do without the pooler.",
        )
        return
    yield ok("The pooler answers, and leads to the same database.")


def months() -> Iterator[Finding]:
    """The ledger's partitions, on PostgreSQL."""
    if connection.vendor != "postgresql" or not (made := partitions.months("default")):
        return
    now = datetime.fromtimestamp(clock.now(), UTC)
    if made[-1].end <= now:
        yield error(
            f"The ledger has no month for today: the last ends on {made[-1].end:%Y-%m-%d}, and events go into usage_events_default.",
            "Let FreeAI's role CREATE in its schema, then manage.py setup.",
        )
    stray = int(_value("SELECT count(*) FROM (SELECT 1 FROM usage_events_default LIMIT 100001) AS found"))
    if stray:
        many = f"More than {partitions.MOST_MOVED}" if stray > partitions.MOST_MOVED else str(stray)
        yield warning(
            f"{many} usage events are in usage_events_default: their month was not made in time.",
            "Nothing is lost. See usage.no_month in docs/OPERATIONS.md § 4.",
        )
    yield ok(f"{len(made)} months, until {made[-1].end:%Y-%m-%d}.")


def _sqlite() -> Iterator[Finding]:
    file = Path(connection.settings_dict["NAME"])
    if settings.FREEAI_REDIS_URL:
        yield warning(
            "FREEAI_REDIS_URL is set, and the database is a SQLite file: processes on other hosts would have another one.",
            "Name a PostgreSQL in FREEAI_DATABASE_URL, or do without Redis.",
        )
    if (system := file_system(file)) in NETWORK:
        yield error(
            f"{file} is on a network file system ({system}): SQLite's locks do not hold there, and the file will be damaged.",
            "Move it to a local disk, or use PostgreSQL.",
        )
    if (mode := str(_value("PRAGMA journal_mode"))) != "wal":
        yield warning(
            f"SQLite's journal is {mode}, not wal: readers and writers wait for each other.",
            "See whether the file system allows it.",
        )
    if file.stat().st_size <= CHECKED_BYTES and (said := str(_value("PRAGMA quick_check(1)"))) != "ok":
        yield error(
            f"{file} is damaged: {said[:200]}.", "Stop FreeAI and restore a backup (docs/OPERATIONS.md § 6)."
        )
    yield ok(f"{file}, {file.stat().st_size // 1024} KiB")


def _postgresql() -> Iterator[Finding]:
    if (version := int(_value("SHOW server_version_num")) // 10_000) < OLDEST_POSTGRESQL:
        yield error(f"PostgreSQL {version} is older than {OLDEST_POSTGRESQL}.", "Upgrade it.")
    if _value("SELECT pg_is_in_recovery()"):
        yield error(
            "This PostgreSQL is a standby: nothing can be written.",
            "Lead FREEAI_DATABASE_URL to the primary.",
        )
    elif _value("SHOW transaction_read_only") == "on":
        yield error(
            "This PostgreSQL takes no writes: default_transaction_read_only is on.",
            "Turn it off for the database or FreeAI's role, once whoever turned it on agrees.",
        )
    if not _value("SELECT has_database_privilege(current_database(), 'TEMPORARY')"):
        yield warning(
            "FreeAI's role may make no temporary tables: usage is written in the slower way.",
            f"GRANT TEMPORARY ON DATABASE {connection.settings_dict['NAME']} TO {connection.settings_dict['USER'] or 'the role'};",
        )
    if not _value("SELECT has_schema_privilege(current_schema(), 'CREATE')"):
        yield error(
            "FreeAI's role may not CREATE in its schema: neither migrations nor the ledger's next months can be made.",
            "GRANT CREATE ON SCHEMA public TO the role.",
        )
    wanted_s = settings.FREEAI_DATABASE_STATEMENT_TIMEOUT_S
    if (
        wanted_s
        and _value("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'") != f"{wanted_s}000"
    ):
        yield warning(
            "Start-up options have no effect (statement_timeout is another): a pooler seems to be in between, where locks do not hold.",
            PAST_A_POOLER,
        )
    allowed, needed = int(_value("SHOW max_connections")), settings.FREEAI_DATABASE_MAX_CONNECTIONS + OF_LOOPS
    if needed > allowed:
        yield warning(
            f"FreeAI opens up to {needed} connections, and PostgreSQL takes {allowed}.",
            "Raise max_connections, or lower FREEAI_DATABASE_MAX_CONNECTIONS.",
        )
    if (skew := float(_value("SELECT extract(epoch FROM clock_timestamp())")) - clock.now()) and abs(
        skew
    ) > SKEW_S:
        yield warning(
            f"The clocks of FreeAI's host and of the database are {abs(skew):.0f} s apart.",
            "Run a time service on both.",
        )
    yield ok(f"PostgreSQL {version}")


def _value(query: str) -> Any:
    """The one value of the one row. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()[0][0]
