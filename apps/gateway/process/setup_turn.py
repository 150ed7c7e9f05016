"""Set-up by one process at a time: where several begin at once, one does it, and the others find it done."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Final, Protocol

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.core import clock
from apps.gateway.process.advisory_lock import AdvisoryLock

log = structlog.get_logger("freeai.setup")

KEY: Final = 0x46524545_41492D32  # "FREEAI-2": one lock in the whole database
RETRY_S: Final = 0.25
LONGEST_S: Final = 900.0
"""How long the migrations of another process may take."""


class Lock(Protocol):
    """What is held. `take`: None when it is ours, else who holds it."""

    def take(self) -> str | None: ...

    def release(self) -> None: ...


@contextmanager
def turn() -> Iterator[None]:
    """Waits until nobody else is at it. Raises ImproperlyConfigured when that takes too long, OSError, DatabaseError."""
    with connection.wrap_database_errors:
        lock: Lock = AdvisoryLock(KEY, "setup") if connection.vendor == "postgresql" else _FileLock()
        _wait_for(lock)
    try:
        yield
    finally:
        lock.release()


def _wait_for(lock: Lock) -> None:
    give_up_at = clock.monotonic() + LONGEST_S
    told = False
    while (holder := lock.take()) is not None:
        if clock.monotonic() >= give_up_at:
            raise ImproperlyConfigured(
                f"Another process ({holder}) is still setting FreeAI up: end it, then try again."
            )
        if not told:
            log.info("setup.waits", holder=holder)
            told = True
        sleep(RETRY_S)


class _FileLock:
    """Beside the SQLite file."""

    def __init__(self) -> None:
        self._path = os.path.realpath(connection.settings_dict["NAME"]) + ".setup"
        self._lock = -1

    def take(self) -> str | None:
        try:
            lock = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None  # where there can be no file there is no database either, which is another error, told elsewhere
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return f"holding {self._path}"
        self._lock = lock
        return None

    def release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
