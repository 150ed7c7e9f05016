"""How long waits for the database may take, for whoever sets it: known without psycopg, which an installation on SQLite never loads."""

import threading
from contextvars import ContextVar

PATIENCE_S: ContextVar[float | None] = ContextVar("patience_s", default=None)
"""Set in a background loop's thread: how long its statements may take, whatever the connection's own patience."""

_leaving = threading.Event()


def let_go() -> None:
    """The process ends: whoever waits for an answer gets an error now, and nobody is waited for."""
    _leaving.set()


def is_leaving() -> bool:
    """Whether it does."""
    return _leaving.is_set()
