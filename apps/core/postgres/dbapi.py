"""psycopg as Django uses it, but for `connect`: a connection whose server has gone silent fails instead of holding its thread, and one
whose server takes no writes is given up like one that is away.

statement_timeout is the server's, and a server that does not answer keeps no promise; TCP's own timers see a host that is gone, not
a proxy that swallows everything. So every wait for an answer has an end here.
"""

from collections.abc import Callable, Generator
from time import monotonic
from typing import Any, TypeVar

import psycopg
import structlog
from psycopg import (
    Binary,
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from psycopg.errors import ReadOnlySqlTransaction

from apps.core.postgres.patience import PATIENCE_S, is_leaving

log = structlog.get_logger("freeai.database")

T = TypeVar("T")

POLL_S = 0.1  # how often a wait looks up: at its end, and at ours


class PatientConnection(psycopg.Connection[Any]):
    """`patience_s`: the longest silence in the middle of a statement; None waits for ever. `on_close` runs once."""

    patience_s: float | None = None
    on_close: Callable[[], object] | None = None

    def wait(self, gen: Generator[Any, Any, T], interval: float = POLL_S, timeout: float | None = None) -> T:
        """As psycopg's. Raises OperationalError after too long a silence, and where nothing may be written; the connection is closed
        then."""
        patience_s = PATIENCE_S.get() or self.patience_s
        try:
            return super().wait(_impatient(gen, patience_s), interval, timeout)
        except SilenceError as error:
            log.warning("database.silent", detail=str(error))
            self.close()
            raise
        except ReadOnlySqlTransaction as error:
            self.close()
            raise ReadOnlyError(str(error)) from error

    def close(self) -> None:
        """As psycopg's; may be repeated."""
        super().close()
        if self.on_close is not None:
            self.on_close()


class SilenceError(OperationalError):
    """The server did not answer in time."""


class ReadOnlyError(OperationalError):
    """The server is a standby, or is held: for psycopg an error of ours, for us a database that is away."""


def _impatient(gen: Generator[Any, Any, T], patience_s: float | None) -> Generator[Any, Any, T]:
    """`gen`, until nothing has come or gone for `patience_s`, or the process ends. psycopg sends 0 when only time has passed."""
    heard_at = monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                heard_at = monotonic()
            elif is_leaving() or (patience_s is not None and monotonic() - heard_at > patience_s):
                raise SilenceError(f"no answer for {monotonic() - heard_at:.1f} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        result: T = end.value
        return result


connect = PatientConnection.connect

__all__ = [
    "Binary",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "connect",
]
