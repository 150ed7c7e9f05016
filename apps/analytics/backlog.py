"""Lines that the disk did not take, in memory until it does: bounded, and what goes beyond is counted."""

from collections import deque
from collections.abc import Sequence
from math import inf

import structlog

from apps.analytics import metrics
from apps.core import clock

log = structlog.get_logger("freeai.spool")

MOST_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 64 * 1024
TELL_INTERVAL_S = 60.0


class Backlog:
    """Ended events, oldest first. `since`: when the first of them came, on `clock.monotonic`. `lost`: how many had no room."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._tell_at = -inf
        self.since = 0.0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._lines)

    def keep(self, line: bytes) -> None:
        """Keep one event's line, or count it as lost."""
        if self._bytes + len(line) > MOST_BYTES:
            self._lose()
            return
        if not self._lines:
            self.since = clock.monotonic()
        self._lines.append(line)
        self._bytes += len(line)

    def piece(self) -> Sequence[bytes]:
        """The oldest lines, some 64 KiB of them."""
        lines: list[bytes] = []
        size = 0
        for line in self._lines:
            lines.append(line)
            size += len(line)
            if size >= PIECE_BYTES:
                break
        return lines

    def drop(self, count: int) -> None:
        """The `count` oldest are safe."""
        for _ in range(count):
            self._bytes -= len(self._lines.popleft())

    def forgive(self) -> int:
        """How many were lost until now; counted anew from here."""
        lost, self.lost, self._tell_at = self.lost, 0, -inf
        return lost

    def _lose(self) -> None:
        """Say so at once, and then once a minute: the log may be on the same disk."""
        self.lost += 1
        metrics.usage_events_lost(1)
        if (now := clock.monotonic()) >= self._tell_at:
            self._tell_at = now + TELL_INTERVAL_S
            log.error("spool.events_lost", events=self.lost, in_memory=len(self._lines))
