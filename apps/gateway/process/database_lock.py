"""One gateway a database, as long as quotas are counted in its memory: two would each grant every quota. Those that count in Redis share
it, and serve beside none that does not.

The lock is held by what the operating system or the server takes back from a process that dies: a file lock beside a SQLite file, an
advisory lock of a connection to PostgreSQL, whose own keep-alives find a host that is gone.
"""

import asyncio
import errno
import fcntl
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Protocol

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from apps.core import clock
from apps.core.state.choice import is_shared
from apps.core.turns import DatabaseThread
from apps.gateway.process import fleet_mark
from apps.gateway.process.advisory_lock import HOLDER, AdvisoryLock

log = structlog.get_logger("freeai.gateway")

KEY = 0x46524545_41492D31  # "FREEAI-1": one lock in the whole database
PATIENCE_S = 3.0
LEAVING_S = 3.0
"""How long a predecessor that was just killed may hold its lock."""
FLEET_LEAVING_S = fleet_mark.ALIVE_S + 2.0
"""The same for a fleet, which holds no lock."""
RETRY_S = 0.25
LOOK_INTERVAL_S = 5.0
TURN_S = 10.0


class AnotherGatewayError(Exception):
    """Another gateway counts quotas on this database. The text is a sentence with the remedy."""


class Lock(Protocol):
    """What is held. `take` raises AnotherGatewayError, and psycopg.Error where it cannot be known."""

    def take(self) -> None: ...

    def holds(self) -> bool: ...

    def release(self) -> None: ...


def take() -> None:
    """Take the database for this process, once: again where the lock was lost meanwhile. Raises AnotherGatewayError, DatabaseError.
    Gateways that share their counters share the database, and only look whether one is there that does not."""
    global _held
    with _turn, connection.wrap_database_errors:
        if is_shared(settings.FREEAI_STATE):
            with suppress(DatabaseError):  # before there is a table nobody serves
                fleet_mark.renew()
            _patiently(_refuse_one_by_itself, LEAVING_S)
            return
        if _held is not None and _held.holds():
            return
        lock: Lock = _DatabaseLock() if connection.vendor == "postgresql" else _FileLock()
        _patiently(lock.take, LEAVING_S)
        try:
            _patiently(_refuse_beside_a_fleet, FLEET_LEAVING_S)
        except BaseException:
            lock.release()
            raise
        if _held is not None:
            log.warning("database_lock.taken_again")
        _held = lock


def _patiently(take_it: Callable[[], None], within_s: float) -> None:
    """Raises AnotherGatewayError where a predecessor does not leave."""
    give_up_at = clock.monotonic() + within_s
    while True:
        try:
            take_it()
            return
        except AnotherGatewayError:
            if clock.monotonic() >= give_up_at:
                raise
        sleep(RETRY_S)


def _refuse_one_by_itself() -> None:
    if (found := holder()) is not None:
        raise AnotherGatewayError(
            f"Another gateway{f' ({found})' if found else ''} serves on this database and counts the quotas in its memory: together they "
            "would grant each twice. Stop it, or start it with this FREEAI_STATE too."
        )


def _refuse_beside_a_fleet() -> None:
    if fleet_mark.is_there():
        raise AnotherGatewayError(
            "Another gateway serves on this database and counts the quotas in Redis, and this one would count them for itself: together "
            "they would grant each twice. Stop it, start this one with its FREEAI_STATE, or give this one a database of its own with "
            "FREEAI_DATABASE_URL."
        )


def release() -> None:
    """Let go. A process that dies does so by dying."""
    global _held
    with _turn:
        if _held is not None:
            _held.release()
            _held = None


def holder() -> str | None:
    """Who serves on this database now and counts by itself, "" where that cannot be known, None where nobody does. Nothing is taken.
    Raises DatabaseError."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(HOLDER, [KEY >> 32, KEY & 0xFFFFFFFF])
            found = cursor.fetchall()
        return str(found[0][0]) if found else None
    return _FileLock().holder()


def is_served() -> bool:
    """Whether anybody serves on this database, wherever they count. Raises DatabaseError."""
    return holder() is not None or fleet_mark.is_there()


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
        self._database = Path(os.path.realpath(connection.settings_dict["NAME"]))
        self._path = Path(f"{self._database}.gateway")
        self._lock = self._inode = -1

    def take(self) -> None:
        self._take_path()
        try:
            self._take_inode()
        except BaseException:
            self.release()
            raise

    def _take_inode(self) -> None:
        """What the file is, since hard links are many names for one. On this machine, and where sockets have abstract names (Linux): SQLite
        locks the file itself, and loses its locks where anybody in the process closes it."""
        if self._inode >= 0 or not sys.platform.startswith("linux"):
            return
        try:
            found = self._database.stat()
        except OSError:
            return  # not made yet
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0freeai-gateway-{found.st_dev}-{found.st_ino}")
        except OSError as error:
            held.close()
            if error.errno == errno.EADDRINUSE:
                raise AnotherGatewayError(_sentence(f"the database {self._database}", "")) from None
            return
        self._inode = held.detach()

    def _take_path(self) -> None:
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

    def holder(self) -> str | None:
        """ "" where somebody has it: a file does not tell who. A shared lock is no obstacle but for a moment, and a start waits longer."""
        try:
            lock = os.open(self._path, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""
        finally:
            os.close(lock)
        return None

    def holds(self) -> bool:
        """At a first start the file is made after the lock was taken."""
        self._take_inode()
        return True

    def release(self) -> None:
        for held in (self._lock, self._inode):
            if held >= 0:
                os.close(held)
        self._lock = self._inode = -1


class _DatabaseLock:
    def __init__(self) -> None:
        self._lock = AdvisoryLock(KEY, "gateway")

    def take(self) -> None:
        holder = self._lock.take()
        if holder is not None:
            raise AnotherGatewayError(_sentence("this database", f" ({holder})" if holder else ""))

    def holds(self) -> bool:
        return self._lock.holds()

    def release(self) -> None:
        self._lock.release()


def _sentence(database: str, holder: str) -> str:
    return (
        f"Another gateway{holder} serves on {database}, and each would count the quotas for itself. Stop it, or give this one a database "
        "of its own with FREEAI_DATABASE_URL."
    )


_turn = threading.Lock()
_held: Lock | None = None
