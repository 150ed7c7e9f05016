"""One gateway a database, as long as quotas are counted in its memory: two would each grant every quota.

The lock is held by what the operating system or the server takes back from a process that dies: a file lock beside a SQLite file, an
advisory lock of a connection to PostgreSQL, whose own keep-alives find a host that is gone.
"""

import asyncio
import fcntl
import os
import socket
import threading
from pathlib import Path
from time import sleep
from typing import Any, Protocol

import psycopg
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.core import clock
from apps.core.postgres import dbapi
from apps.core.turns import DatabaseThread

log = structlog.get_logger("freeai.gateway")

KEY = 0x46524545_41492D31  # "FREEAI-1": one lock in the whole database
SERVER_KEEPALIVE = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
PATIENCE_S = 3.0
LEAVING_S = 3.0
"""How long a predecessor that was just killed may hold its lock."""
RETRY_S = 0.25
LOOK_INTERVAL_S = 5.0
TURN_S = 10.0

HOLDER = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = %s AND objid = %s"
)


class AnotherGatewayError(Exception):
    """Another gateway counts quotas on this database. The text is a sentence with the remedy."""


class Lock(Protocol):
    """What is held. `take` raises AnotherGatewayError, and psycopg.Error where it cannot be known."""

    def take(self) -> None: ...

    def holds(self) -> bool: ...

    def release(self) -> None: ...


def take() -> None:
    """Take the database for this process, once: again where the lock was lost meanwhile. Raises AnotherGatewayError, DatabaseError."""
    global _held
    with _turn, connection.wrap_database_errors:
        if _held is not None and _held.holds():
            return
        lock: Lock = _AdvisoryLock() if connection.vendor == "postgresql" else _FileLock()
        give_up_at = clock.monotonic() + LEAVING_S
        while True:
            try:
                lock.take()
                break
            except AnotherGatewayError:
                if clock.monotonic() >= give_up_at:
                    raise
                sleep(RETRY_S)
        if _held is not None:
            log.warning("database_lock.taken_again")
        _held = lock


def release() -> None:
    """Let go. A process that dies does so by dying."""
    global _held
    with _turn:
        if _held is not None:
            _held.release()
            _held = None


async def keep() -> None:
    """Look after the lock: a connection may break, and another be there first. Raises AnotherGatewayError then, and DatabaseError."""
    thread = DatabaseThread("database-lock", patience_s=PATIENCE_S, turn_s=TURN_S)
    try:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await thread.run(take)
    finally:
        thread.close()


class _FileLock:
    def __init__(self) -> None:
        # Beside the file itself, whatever links lead to it.
        self._path = Path(f"{os.path.realpath(connection.settings_dict['NAME'])}.gateway")
        self._lock = -1

    def take(self) -> None:
        try:
            lock = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if not self._path.exists():
                return  # where there can be no file there is no database either, which is another error, told elsewhere
            raise ImproperlyConfigured(
                f"{self._path} cannot be locked ({error.strerror}): it keeps a second gateway from the database. Remove it."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AnotherGatewayError(
                _sentence(f"the database {connection.settings_dict['NAME']}", "")
            ) from None
        self._lock = lock

    def holds(self) -> bool:
        return True

    def release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)


class _AdvisoryLock:
    """Holds a connection that does nothing else."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None

    def take(self) -> None:
        params = connection.get_connection_params()
        for own in ("cursor_factory", "context", "prepare_threshold"):  # Django's, for its own cursors
            params.pop(own, None)
        params |= {
            "autocommit": True,
            "application_name": f"freeai gateway, host {socket.gethostname()[:40]}, pid {os.getpid()}"[:63],
            "options": f"{params.get('options', '')} {SERVER_KEEPALIVE}".strip(),
        }
        made = dbapi.connect(**params)
        made.patience_s = PATIENCE_S
        try:
            if not made.execute("SELECT pg_try_advisory_lock(%s)", [KEY]).fetchall()[0][0]:
                found = made.execute(HOLDER, [KEY >> 32, KEY & 0xFFFFFFFF]).fetchall()
                raise AnotherGatewayError(_sentence("this database", f" ({found[0][0]})" if found else ""))
        except BaseException:
            made.close()
            raise
        self._connection = made

    def holds(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1").fetchall()
        except psycopg.Error:
            self._connection.close()
            return False
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _sentence(database: str, holder: str) -> str:
    return (
        f"Another gateway{holder} serves on {database}, and each would count the quotas for itself. Stop it, or give this one a database "
        "of its own with FREEAI_DATABASE_URL."
    )


_turn = threading.Lock()
_held: Lock | None = None
