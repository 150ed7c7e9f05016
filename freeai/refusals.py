"""Errors that are not ours: each as one sentence with its remedy, where one is known."""

import errno
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError, connection

from apps.core.redaction import scrub
from apps.gateway.process.database_lock import AnotherGatewayError
from apps.gateway.process.one_database import AnotherDatabaseError

NOT_SET_UP = "FreeAI is not set up here yet: run `manage.py setup`."
OUTDATED = "The database lacks a table or a column that this version uses: run `manage.py setup`."
PAST_A_POOLER = (
    "Lead FREEAI_DATABASE_URL past it, to PostgreSQL, and name the pooler in FREEAI_DATABASE_POOLER_URL."
)
# Of a write whose file has no name: a reader that left, a full disk, a stdout that is closed.
UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO})
UNDEFINED = frozenset({"42P01", "42703"})  # PostgreSQL's codes: no such table, no such column


def sentence(error: BaseException) -> str | None:
    """What to tell whoever started the process; None for an error that needs its traceback."""
    if isinstance(error, DatabaseError | InterfaceError):
        return _of_the_database(error)
    if isinstance(error, AnotherGatewayError | AnotherDatabaseError):
        return str(error)
    if isinstance(error, ImproperlyConfigured):
        return NOT_SET_UP if "SECRET_KEY" in str(error) else _first_line(error)
    if isinstance(error, OSError) and _is_in_data_directory(error.filename):
        remedy = "; a directory is needed there: move it away" if isinstance(error, FileExistsError) else ""
        return f"FREEAI_DATA_DIR must be writable: {error.filename}: {error.strerror}{remedy}."
    if isinstance(error, OSError) and error.filename is None and error.errno in UNWRITABLE:
        return f"The output could not be written: {error.strerror}."
    return None


def _of_the_database(error: DatabaseError | InterfaceError) -> str | None:
    if _is_undefined(error):
        return OUTDATED
    if connection.vendor == "sqlite":
        return _of_sqlite(error, Path(connection.settings_dict["NAME"]))
    if "startup parameter" in str(error):  # as PgBouncer says it
        return f"A pooler takes no start-up options: {_first_line(error)}. {PAST_A_POOLER}"
    if isinstance(error, OperationalError | InterfaceError) or _is_refused_option(error):
        return (
            f"The database does not answer: {_first_line(error)}. Start it, or correct FREEAI_DATABASE_URL."
        )
    return None


def _of_sqlite(error: DatabaseError | InterfaceError, file: Path) -> str | None:
    if type(error) not in (
        OperationalError,
        DatabaseError,
    ):  # locked, read-only, full; not a database, damaged
        return None
    if not file.exists() and _is_in_data_directory(file):
        return NOT_SET_UP
    reason = _first_line(error) if file.parent.is_dir() else f"there is no directory {file.parent}"
    return f"The database {file} cannot be used: {reason}. Mend that, or correct FREEAI_DATABASE_URL."


def _is_undefined(error: Exception) -> bool:
    """Whether a table or column is missing. SQLite has no code for it, only words."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code in UNDEFINED or str(error).startswith(("no such table", "no such column"))


def _is_refused_option(error: Exception) -> bool:
    """Whether PostgreSQL's client library refused the URL's options: that happens before there is a connection."""
    return isinstance(error, ProgrammingError) and connection.connection is None


def _is_in_data_directory(name: object) -> bool:
    return isinstance(name, str | Path) and Path(name).is_relative_to(settings.DATA_DIR)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return scrub(lines[0]).rstrip(".:")
