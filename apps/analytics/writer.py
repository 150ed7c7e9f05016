"""Drains the spool into the database, off the request path, and adopts what dead processes left."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import structlog
from django.db import Error, close_old_connections, connections

from apps.analytics import metrics
from apps.analytics.drain import BATCH, OnWritten, drain
from apps.analytics.segments import adoptable, discard, segments
from apps.analytics.spool import Spool
from apps.core import clock
from apps.core.redaction import scrub

log = structlog.get_logger("freeai.usage")

INTERVAL_S = 0.5
LONGEST_PAUSE_S = 30.0
ADOPTION_INTERVAL_S = 60.0


class Writer:
    """Belongs to the thread of `spool`; a thread of its own talks to the database, over one connection.

    While the database is away the segments stay on disk, and the pauses between tries grow to 30 s.
    `on_written` is called in that thread with each committed batch; it may see one again after a failure.
    """

    def __init__(
        self, spool: Spool, root: Path, *, on_written: OnWritten | None = None, using: str = "default"
    ) -> None:
        self._spool = spool
        self._root = root
        self._on_written = on_written
        self._using = using
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="usage-writer")
        self._turn = asyncio.Lock()
        self._away = False

    async def run(self) -> None:
        """Drain every 0.5 s, at once while much waits, and adopt every minute. Until cancelled."""
        failures = 0
        adopt_at = clock.monotonic() + ADOPTION_INTERVAL_S
        while True:
            done = await self.flush()
            if done and clock.monotonic() >= adopt_at:
                done = await self._in_thread(self.adopt)
                adopt_at = clock.monotonic() + ADOPTION_INTERVAL_S
            failures = 0 if done else failures + 1
            await asyncio.sleep(self._pause_s(failures))

    async def flush(self) -> bool:
        """Write every event that has ended by now. False when the database is away; nothing is lost then."""
        async with self._turn:
            self._spool.rotate()
            waiting = self._spool.undrained()
            done = not waiting or await self._in_thread(lambda: self._guarded(lambda: self._drain(waiting)))
            if done:
                for segment in waiting:
                    self._spool.drained(segment)
            metrics.spool_depth(self._spool.depth())
            return done

    def adopt(self) -> bool:
        """Write what dead processes left behind. False when the database is away.

        Synchronous: at start before the state is rebuilt from the ledger, never on an event loop's thread.
        """
        return self._guarded(self._adopt)

    async def aclose(self) -> bool:
        """Flush and give connection and thread back. The owner of the spool closes it afterwards."""
        done = await self.flush()
        await self._in_thread(lambda: self._guarded(connections[self._using].close))
        self._thread.shutdown(wait=False)
        return done

    async def _in_thread(self, work: Callable[[], bool]) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _drain(self, waiting: list[Path]) -> None:
        for segment in waiting:
            drain([segment], dead=False, using=self._using, on_written=self._on_written)
            segment.unlink(missing_ok=True)

    def _adopt(self) -> None:
        for directory in adoptable(self._root):
            left = segments(directory)
            events = drain(left, dead=True, using=self._using, on_written=self._on_written)
            discard(directory)
            if left:
                log.info("usage.adopted", events=events, segments=len(left))

    def _guarded(self, work: Callable[[], None]) -> bool:
        """Run database work; True when it succeeded. A connection never outlives its age or an error."""
        try:
            close_old_connections()
            work()
        except Exception as error:  # noqa: BLE001 (the root of the task: whatever it was, the segments stay and are tried again)
            self._failed(error)
            return False
        finally:
            with suppress(Error):
                close_old_connections()
        if self._away:
            log.info("usage.database_back")
        self._away = False
        return True

    def _failed(self, error: Exception) -> None:
        if not self._away:
            log.error("usage.not_written", error=type(error).__name__, detail=scrub(str(error)))
        self._away = True

    def _pause_s(self, failures: int) -> float:
        if failures:
            return min(INTERVAL_S * 2.0 ** min(failures, 10), LONGEST_PAUSE_S)
        return INTERVAL_S if self._spool.depth() < BATCH else 0.0
