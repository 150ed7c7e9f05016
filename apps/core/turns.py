"""Database work of background loops: a thread and a connection for each, and an end for every turn.

The threads are daemons, unlike those of an executor, which the interpreter joins at its exit: a database that hangs must not keep a
process from ending. What outlives its turn is left behind with its connection, and the next turn starts with fresh ones.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

import structlog
from django.db import connections

from apps.core import clock
from apps.core.postgres.patience import PATIENCE_S

log = structlog.get_logger("freeai.database")

T = TypeVar("T")

CONNECTION_AGE_S = 60.0
MOST_LEFT_BEHIND = 3
CLOSE_POLL_S = 0.01


class TurnTimeoutError(Exception):
    """A turn did not end in time. What it did may still come true."""


class DatabaseThread:
    """Runs one turn after the other, off the event loop.

    `patience_s`: how long a statement on PostgreSQL may take; a connection that does not answer is closed then. `turn_s`: the end of
    a whole turn, for what else may hang (a lock on SQLite's file, a disk).
    """

    def __init__(self, name: str, *, patience_s: float, turn_s: float) -> None:
        self._name = name
        self._patience_s = patience_s
        self._turn_s = turn_s
        self._worker: _Worker | None = None
        self._left_behind: list[_Worker] = []

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`. Raises TurnTimeoutError, and whatever `work` raises; its connection is closed then."""
        self._left_behind = [worker for worker in self._left_behind if worker.is_alive()]
        if len(self._left_behind) >= MOST_LEFT_BEHIND:
            raise TurnTimeoutError(f"{len(self._left_behind)} earlier turns still hang")
        if self._worker is None:
            self._worker = _Worker(self._name, self._patience_s)
        answer = self._worker.submit(work)
        try:
            async with asyncio.timeout(self._turn_s) as limit:
                return await asyncio.wrap_future(answer)
        except TimeoutError:
            if not limit.expired():
                raise
            self._leave_behind()
            raise TurnTimeoutError(f"not done within {self._turn_s:.0f} s") from None

    def close(self) -> None:
        """Give the connection back, once the current turn has ended. Waits for nothing."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    async def aclose(self, budget_s: float) -> None:
        """The same, and wait for it, though no longer than `budget_s`."""
        worker, give_up_at = self._worker, clock.monotonic() + budget_s
        self.close()
        while worker is not None and worker.is_alive() and clock.monotonic() < give_up_at:  # noqa: ASYNC110 - a thread
            await asyncio.sleep(CLOSE_POLL_S)

    def _leave_behind(self) -> None:
        if (worker := self._worker) is not None:
            log.error("database.turn_hangs", thread=self._name, after_s=self._turn_s)
            self._left_behind.append(worker)
            self.close()


def in_a_thread_of_its_own(name: str, work: Callable[[], T]) -> T:
    """The result of `work`, for a main thread that has to hear signals while a database makes it wait. Raises what `work` raises."""
    worker = _Worker(name, PATIENCE_S.get())
    try:
        return worker.submit(work).result()
    finally:
        worker.stop()


class _Worker(threading.Thread):
    """One thread, for as long as its turns end in time."""

    def __init__(self, name: str, patience_s: float | None) -> None:
        super().__init__(name=name, daemon=True)
        self._patience_s = patience_s
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._renew_at = 0.0
        self.start()

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        answer: Future[T] = Future()
        answer.set_running_or_notify_cancel()  # a caller that is cancelled cannot take it back

        def job() -> None:
            try:
                result = self._turn(work)
            except BaseException as error:  # noqa: BLE001 - the caller's, whatever it is
                answer.set_exception(error)
            else:
                answer.set_result(result)

        self._jobs.put(job)
        return answer

    def stop(self) -> None:
        self._jobs.put(None)

    def run(self) -> None:
        PATIENCE_S.set(self._patience_s)
        while (job := self._jobs.get()) is not None:
            job()
        connections.close_all()

    def _turn(self, work: Callable[[], T]) -> T:
        """Over a connection that is young and answers: what the database dropped meanwhile is replaced at its first use."""
        now = clock.monotonic()
        if now >= self._renew_at:
            connections.close_all()
            self._renew_at = now + CONNECTION_AGE_S
        for connection in connections.all(initialized_only=True):
            connection.health_check_done = False  # type: ignore[attr-defined]  # Django's, and not in its stubs
        try:
            return work()
        except BaseException:
            connections.close_all()
            raise
