"""Reading a list soon, behind the back of whoever asked: a thread of this process, so that it needs no worker. What a restart cuts off
is begun anew by the schedule.
"""

import threading
from queue import Empty, Full, Queue
from typing import Final

import structlog
from django.db import connections

from apps.providers.listing import sync
from apps.providers.models import Credential

log = structlog.get_logger("freeai.listing")

MOST_WAITING: Final = 1_000
IDLE_S: Final = 5.0


class Reader:
    """One thread that reads one list after the other, and ends when there is nothing to do."""

    def __init__(self) -> None:
        self._waiting: Queue[int] = Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def read_soon(self, credential_pk: int) -> bool:
        """Returns at once; False where too many wait, which the schedule will read."""
        with self._lock:
            try:
                self._waiting.put_nowait(credential_pk)
            except Full:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="model-lists", daemon=True)
                self._thread.start()
        return True

    def is_idle(self) -> bool:
        """Whether nothing is being read, and nothing waits."""
        return not self._waiting.unfinished_tasks

    def _run(self) -> None:
        while (pk := self._next()) is not None:
            try:
                _read(pk)
            except Exception as error:  # the root of the thread
                log.exception("list.failed", credential=pk, error=type(error).__name__)
            finally:
                connections.close_all()
                self._waiting.task_done()

    def _next(self) -> int | None:
        """The next of those that wait. None, and another thread for whoever comes next, when nobody came for a while."""
        try:
            return self._waiting.get(timeout=IDLE_S)
        except Empty:
            with self._lock:
                if self._waiting.empty():
                    self._thread = None
                    return None
            return self._waiting.get()


def _read(pk: int) -> None:
    credential = next((row for row in sync.in_use() if row.pk == pk), None)
    if credential is not None and sync.claim(credential, sync.now_utc()):
        sync.read_list(credential)


READER: Final = Reader()


def read_soon(credential: Credential) -> bool:
    """Read the list with this credential's key, not more than once a minute."""
    return READER.read_soon(credential.pk)
