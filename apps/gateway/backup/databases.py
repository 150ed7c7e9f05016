"""Copies of a database, as of one moment, beside whoever writes to it; and a database from such a copy."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
from django.db import connection

from apps.core.redaction import scrub
from apps.gateway.backup.manifest import BackupError

COUNTED: Final = ("auth_user", "providers_credential", "clients_clientkey", "usage_events")
"""Tables whose rows a backup knows the number of."""
APPLIED: Final = "SELECT app, name FROM django_migrations ORDER BY app, name"
OF_TLS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")
WAIT_S: Final = 20.0
PATIENT: Final = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"


class Copy(Protocol):
    """One moment of a database. `look` takes a new one, as often as it likes; the rest is of the latest. All raise BackupError."""

    name: str

    def look(self) -> None: ...

    def rows(self) -> dict[str, int]: ...

    def migrations(self) -> list[str]: ...

    def write(self, file: Path) -> None: ...


@contextmanager
def opened() -> Iterator[Copy]:
    """The database of the settings. Raises BackupError."""
    copy: _Sqlite | _PostgreSQL = _PostgreSQL() if connection.vendor == "postgresql" else _Sqlite()
    try:
        yield copy
    except (sqlite3.Error, psycopg.Error) as error:
        raise BackupError(f"The database cannot be read: {scrub(str(error)).splitlines()[0]}.") from error
    finally:
        copy.close()


class _Sqlite:
    """Its write-ahead log lets a reader keep a moment while others write: SQLite's own online backup copies that."""

    name = "database.sqlite3"

    def __init__(self) -> None:
        path = Path(connection.settings_dict["NAME"])
        if not path.exists():
            raise BackupError("FreeAI is not set up here yet: there is nothing to back up.")
        self._database = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, timeout=WAIT_S, isolation_level=None
        )

    def look(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")
        self._database.execute("BEGIN")
        self._database.execute("SELECT count(*) FROM sqlite_master").fetchall()

    def rows(self) -> dict[str, int]:
        return {table: self._one(table) for table in COUNTED}

    def migrations(self) -> list[str]:
        return [f"{app}.{name}" for app, name in self._database.execute(APPLIED)]

    def write(self, file: Path) -> None:
        with sqlite3.connect(file) as target:
            self._database.backup(target)  # in one step, within the transaction of `look`
        target.close()

    def close(self) -> None:
        self._database.close()

    def _one(self, table: str) -> int:
        return int(self._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - ours


class _PostgreSQL:
    """pg_dump, of a snapshot that a transaction of ours has exported."""

    name = "database.dump"

    def __init__(self) -> None:
        _tool("pg_dump")
        self._snapshot = ""
        self._database = psycopg.connect(**parameters(), options=PATIENT, connect_timeout=10, autocommit=True)

    def look(self) -> None:
        self._database.execute("ROLLBACK" if self._snapshot else "SELECT 1")
        self._database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._snapshot = str(self._database.execute("SELECT pg_export_snapshot()").fetchall()[0][0])

    def rows(self) -> dict[str, int]:
        return {
            table: int(self._database.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608
            for table in COUNTED
        }

    def migrations(self) -> list[str]:
        return [f"{app}.{name}" for app, name in self._database.execute(APPLIED).fetchall()]

    def write(self, file: Path) -> None:
        options = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges"]
        _run("pg_dump", *options, f"--snapshot={self._snapshot}", f"--file={file}")

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._database.close()


def is_empty() -> bool:
    """Whether the database of the settings has no tables yet. Raises DatabaseError."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return True
    return not connection.introspection.table_names()


def fill(copy: Path) -> None:
    """Make the database of the settings, which is empty, what `copy` is; all of it or nothing. Raises BackupError, OSError."""
    if connection.vendor == "postgresql":
        _run(
            "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges",
            f"--dbname={connection.settings_dict['NAME']}", str(copy),
        )  # fmt: skip
        return
    connection.close()
    path = Path(connection.settings_dict["NAME"])
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.restored")
    shutil.copyfile(copy, draft)
    draft.chmod(0o600)
    _examine(draft)
    for journal in (f"{path}-wal", f"{path}-shm"):  # of an empty file that was there
        Path(journal).unlink(missing_ok=True)
    draft.replace(path)


def _examine(file: Path) -> None:
    database = sqlite3.connect(file)
    try:
        said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        said = str(error)
    finally:
        database.close()
    if said != "ok":
        file.unlink()
        raise BackupError(f"The database in this backup is damaged: {said}. Use another backup.")


def parameters() -> dict[str, Any]:
    """How libpq reaches the database of the settings."""
    of = connection.settings_dict
    named = {
        "host": of["HOST"],
        "port": str(of["PORT"] or ""),
        "user": of["USER"],
        "password": of["PASSWORD"],
        "dbname": of["NAME"],
        **{name: of["OPTIONS"].get(name, "") for name in OF_TLS},
    }
    return {name: value for name, value in named.items() if value}


def _run(name: str, *options: str) -> None:
    """A tool of PostgreSQL's. The password is in its environment: arguments are for everybody to read. Raises BackupError."""
    variables = {"dbname": "PGDATABASE"} | {each: f"PG{each.upper()}" for each in OF_TLS}
    env = os.environ | {
        variables.get(key, f"PG{key.upper()}"): str(value) for key, value in parameters().items()
    }
    ended = subprocess.run(  # noqa: S603 - the tool's own path, our options
        [_tool(name), "--no-password", *options], env=env, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise BackupError(f"{name} failed: {scrub(lines[0])}.")


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupError(
            f"{name} is not installed here: PostgreSQL's client tools are needed (apt-get install postgresql-client), "
            "of the server's version or a later one."
        )
    return found
