"""Drains the spool into the database, off the request path, and writes what dead processes left behind."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import TypeVar

import structlog

from apps.analytics.drain import BATCH, OnWritten, drain, write
from apps.analytics.history import ClientUsage
from apps.analytics.leftovers import Leftovers
from apps.analytics.rollup.spent import BucketUsage
from apps.analytics.segments import decode
from apps.analytics.spool import Spool
from apps.core import clock
from apps.core.redaction import scrub
from apps.core.turns import DatabaseThread, TurnTimeoutError

log = structlog.get_logger("freeai.usage")

T = TypeVar("T")

INTERVAL_S = 0.5
LONGEST_PAUSE_S = 30.0
LOOK_INTERVAL_S = 60.0
PATIENCE_S = 10.0
TURN_S = 25.0
LATE_S = 2.0  # a turn that takes so long is told of
# Of every half second, so much is for what dead processes left: they have waited longer, and nobody waits for them.
LEFTOVERS_SHARE_S = 0.25
LEFTOVERS_AFTER_S = 3.0  # a start has better things to do


class Writer:
    """Belongs to the thread of `spool`; a thread of its own talks to the database, a batch a turn, each with an end.

    While the database is away the segments stay on disk, and the pauses between tries grow to 30 s.
    `on_written` is called in that thread with each committed batch; it may see one again after a failure.
    """

    def __init__(
        self,
        spool: Spool,
        root: Path,
        *,
        on_written: OnWritten | None = None,
        using: str = "default",
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._spool = spool
        self._root = root
        self._on_written = on_written
        self._using = using
        self._thread = DatabaseThread("usage-writer", patience_s=patience_s, turn_s=TURN_S)
        self._left = Leftovers(root, spool.directory, using=using, on_written=on_written)
        self._turn = asyncio.Lock()
        self._look_at = 0.0  # a start that joins counters which are there already does not look
        self._away = False

    def look(self, clients_since: float = inf) -> tuple[list[BucketUsage], ClientUsage]:
        """Find what dead processes left, to be written behind, and sum it up: see `Leftovers.look`. At start, off the event loop. Raises
        django.db.Error."""
        buckets = self._left.look(clients_since)
        self._look_at = clock.monotonic() + LOOK_INTERVAL_S
        self._spool.beside(self._left.size())
        return buckets, self._left.client_usage

    async def run(self) -> None:
        """Drain every 0.5 s, at once while much waits, and look for the dead every minute. Until cancelled."""
        failures = 0
        adopt_from = clock.monotonic() + LEFTOVERS_AFTER_S
        while True:
            done = await self.flush()
            if done and clock.monotonic() >= adopt_from:
                done = await self.adopt(LEFTOVERS_SHARE_S)
            failures = 0 if done else failures + 1
            await asyncio.sleep(self._pause_s(failures))

    async def flush(self) -> bool:
        """Write every event that has ended by now. False when the database is away; nothing is lost then."""
        async with self._turn:
            return await self._guarded(self._flush())

    async def adopt(self, budget_s: float) -> bool:
        """Write what dead processes left, for so long. False when the database is away."""
        async with self._turn:
            return await self._guarded(self._adopt(clock.monotonic() + budget_s))

    async def aclose(self, budget_s: float) -> bool:
        """Write what can be written within `budget_s`, and give connection and thread back. True when nothing is left.

        The owner of the spool closes it afterwards.
        """
        stop_at = clock.monotonic() + budget_s
        done = False
        try:
            async with asyncio.timeout(budget_s):
                done = await self.flush() and await self.adopt(stop_at - clock.monotonic())
        except TimeoutError:
            pass
        await self._thread.aclose(max(0.0, stop_at - clock.monotonic()))
        if left := self.depth():
            log.warning(
                "usage.left_in_spool",
                events=left,
                directory=str(self._root),
                remedy="Nothing: the next start counts them at once and writes them.",
            )
        self._left.close()
        return done and not left

    def depth(self) -> int:
        """Usage events that are not in the database yet, those of dead processes included."""
        return self._spool.depth() + self._left.depth()

    def lag_s(self) -> float:
        """How long the oldest of them has waited; 0.0 when none does."""
        since, dead_since = self._spool.waiting_since(), self._left.oldest_at()
        own = 0.0 if since is None else clock.monotonic() - since
        return max(own, 0.0 if dead_since is None else clock.now() - dead_since)

    async def _flush(self) -> None:
        self._spool.rotate()
        for segment in self._spool.undrained():
            steps = drain(segment, dead=False, using=self._using, on_written=self._on_written)
            while await self._turn_of(partial(next, steps, 0)) == BATCH:
                pass
            segment.unlink(missing_ok=True)
            self._spool.drained(segment)
        while lines := self._spool.held():
            await self._turn_of(partial(self._write_held, lines))
            self._spool.release(len(lines))

    async def _turn_of(self, work: Callable[[], T]) -> T:
        """A turn of the thread. One that waits (another process holds SQLite's lock) is told of before its end, which may be far off."""
        late = asyncio.get_running_loop().call_later(
            LATE_S, lambda: self._failed(TurnTimeoutError(f"no answer for {LATE_S:.0f} s"))
        )
        try:
            return await self._thread.run(work)
        finally:
            late.cancel()

    def _write_held(self, lines: Sequence[bytes]) -> None:
        """What the disk does not take: from memory into the database."""
        write(
            [decode(line) for line in lines], using=self._using, root=self._root, on_written=self._on_written
        )

    async def _adopt(self, stop_at: float) -> None:
        if clock.monotonic() >= self._look_at:
            await self._turn_of(self._left.look)
            self._look_at = clock.monotonic() + LOOK_INTERVAL_S
        while clock.monotonic() < stop_at and await self._turn_of(self._left.step):
            self._spool.beside(self._left.size())
        self._spool.beside(self._left.size())

    async def _guarded(self, work: Coroutine[object, object, None]) -> bool:
        """Run database work; True when it succeeded."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 (the root of the task: whatever it was, the segments stay and are tried again)
            self._failed(error)
            return False
        if self._away:
            log.info("usage.database_back")
        self._away = False
        return True

    def _failed(self, error: Exception) -> None:
        if not self._away:
            log.error(
                "usage.not_written",
                error=type(error).__name__,
                detail=scrub(str(error)),
                waiting=self.depth(),
                lag_s=round(self.lag_s(), 1),
            )
        self._away = True

    def _pause_s(self, failures: int) -> float:
        if failures:
            return min(INTERVAL_S * 2.0 ** min(failures, 10), LONGEST_PAUSE_S)
        return INTERVAL_S if self._spool.on_disk() < BATCH else 0.0
