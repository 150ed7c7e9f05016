"""The usage spool: append-only local files, so that a usage event survives a kill and an absent database.

    root/<uuid>/lock            held with flock by the owner; the system frees it when the process dies
    root/<uuid>/000001.jsonl    segments: one event a line, in the order of writing
    root/refused.jsonl          lines that no database takes, kept for a human

An attempt writes two lines with one id: at its begin the event as it stands if the process dies now (outcome
"interrupted"), at its end the final one. One that ends while its request may go on writes a third between them: how it ended, and that it
is the last if the process dies now (`is_open`). The next attempt's begin and its final line, which says that it is not, are one write; of
a write that a kill cuts short, the begin alone tells whom it `follows`. So whatever is cut off, one attempt of a request is its last.
What was written survives the process, not a power cut: nothing here waits for the disk.
"""

import fcntl
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from apps.analytics.backlog import Backlog
from apps.analytics.events import UsageEvent
from apps.analytics.segments import LOCK, discard, encode, segments
from apps.core import clock

log = structlog.get_logger("freeai.spool")

CLOSED = -1
UNBOUNDED = 1 << 62


class Closed(NamedTuple):
    """Of a closed segment: how many events ended in it, when the first of them did, on `clock.monotonic`, and its size in
    bytes."""

    ended: int
    since: float
    size: int


class Spool:
    """This process's directory under `root`. All methods belong to one thread, the event loop's; none raises.

    A disk that takes nothing costs no request: how attempts ended waits in memory, up to 16 MiB, and how they began is known there
    anyway. `rotate` tries again. The same holds where `most_bytes` are on it: what came first is safe, what has no room any more is
    counted as lost.
    """

    def __init__(self, root: Path, *, most_bytes: int = UNBOUNDED) -> None:
        self.directory, self._lock = _own_directory(root)
        self._fd = CLOSED
        self._path = self.directory
        self._number = 0
        self._open: dict[str, bytes] = {}
        self._ended = 0
        self._since = 0.0
        self._undrained: dict[Path, Closed] = {}
        self._most_bytes = most_bytes
        self._size = 0  # of the current segment
        self._bytes = 0  # of it and all that are closed
        self._beside = 0
        self._backlog = Backlog()
        self._to_carry = False  # not every open attempt is in the current segment
        self._in_trouble = False

    def begin(self, event: UsageEvent, after: UsageEvent | None = None) -> None:
        """Record an attempt that starts now; `event.outcome` is "interrupted". `after`: the one before it in its request, which was left
        open."""
        if after is None:  # as `_write_open`, without a call: it is on the way of every request
            line = self._open[event.id] = encode(event)
            if self._backlog or not self._append(line):
                self._to_carry = True
            return
        line = self._open[event.id] = encode(replace(event, follows=after.id))
        self._open.pop(after.id, None)
        closing = encode(replace(after, is_last=False))
        if not self._backlog and self._append(line + closing):
            self._count(1)
        else:
            self._to_carry = True
            self._backlog.keep(closing)

    def leave_open(self, event: UsageEvent) -> None:
        """Record how an attempt ended of a request that may go on; `begin` or `end` follows."""
        self._write_open(replace(event, is_open=True))

    def end(self, event: UsageEvent) -> None:
        """Record how an attempt ended; `event.outcome` is anything but "interrupted"."""
        self._open.pop(event.id, None)
        line = encode(event)
        if not self._backlog and self._append(line):
            self._count(1)
        else:
            self._backlog.keep(line)

    def rotate(self) -> Path | None:
        """Close the current segment and return it, None when no event ended since the last time.

        Attempts still open are written anew into the next segment first: the one returned may be deleted once
        drained.
        """
        self._write_backlog()
        closed = self._path if self._ended else None
        if closed is not None:
            self._close_segment()
        if self._to_carry or closed is not None:
            self._to_carry = bool(self._open) and not self._append(b"".join(self._open.values()))
        if self._in_trouble and not self._backlog and not self._to_carry:
            log.info("spool.disk_back", lines_lost=self._backlog.forgive())
            self._in_trouble = False
        return closed

    def undrained(self) -> list[Path]:
        """Closed segments that `drained` was not called for, oldest first."""
        return list(self._undrained)

    def drained(self, segment: Path) -> None:
        """The events of `segment` are in the database and the file is gone."""
        if (closed := self._undrained.pop(segment, None)) is not None:
            self._bytes -= closed.size

    def held(self) -> Sequence[bytes]:
        """The oldest lines that the disk does not take; `release` them when they are in the database."""
        return self._backlog.piece()

    def release(self, lines: int) -> None:
        """The `lines` oldest of those held are in the database."""
        self._backlog.drop(lines)

    def depth(self) -> int:
        """Ended events that are not in the database yet, those of dead processes apart."""
        return len(self._backlog) + self.on_disk()

    def on_disk(self) -> int:
        """Those of them that `rotate` and a drain would bring there."""
        return self._ended + sum(closed.ended for closed in self._undrained.values())

    def open_attempts(self) -> int:
        """Attempts that have begun and are not final yet."""
        return len(self._open)

    def size(self) -> int:
        """Bytes on the disk, with those beside them."""
        return self._bytes + self._beside

    def beside(self, size: int) -> None:
        """So many bytes of dead processes count towards the bound."""
        self._beside = size

    def waiting_since(self) -> float | None:
        """When the oldest of them ended, on `clock.monotonic`."""
        starts = [closed.since for closed in self._undrained.values() if closed.ended]
        if self._ended:
            starts.append(self._since)
        if self._backlog:
            starts.append(self._backlog.since)
        return min(starts, default=None)

    def close(self) -> None:
        """Let go. What is not drained stays for the next process to adopt; an empty directory goes."""
        self._write_backlog()
        if self._backlog:
            log.error("spool.events_lost", events=len(self._backlog) + self._backlog.lost)
        if self._fd != CLOSED:
            self._close_segment()
        if not segments(self.directory):
            discard(self.directory)
        os.close(self._lock)

    def _write_open(self, event: UsageEvent) -> None:
        line = self._open[event.id] = encode(event)
        if self._backlog or not self._append(line):
            self._to_carry = True

    def _append(self, data: bytes) -> bool:
        """Write whole lines. True when all of `data` is in the file, False when none of it is."""
        if self._bytes + self._beside + len(data) > self._most_bytes:
            self._trouble("FREEAI_SPOOL_MAX_BYTES are used up")
            return False
        try:
            written = os.write(self._fd if self._fd != CLOSED else self._open_segment(), data)
        except OSError as error:
            self._trouble(os.strerror(error.errno or 0))
            return False
        if written == len(data):
            self._size += written
            self._bytes += written
            return True
        self._take_back(written)
        self._trouble("no room for a whole line")
        return False

    def _take_back(self, written: int) -> None:
        """Cut off what was written of a line. Where that fails too, the segment ends with it: its reader skips a torn last line."""
        try:
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
        except OSError:
            self._close_segment()

    def _open_segment(self) -> int:
        path = self.directory / f"{self._number + 1:06}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._number += 1
        self._path = path
        return self._fd

    def _close_segment(self) -> None:
        with suppress(OSError):  # a network file system may say only now that it is full
            os.close(self._fd)
        self._fd = CLOSED
        self._undrained[self._path] = Closed(self._ended, self._since or clock.monotonic(), self._size)
        self._ended, self._since, self._size = 0, 0.0, 0

    def _count(self, ended: int) -> None:
        if not self._ended:
            self._since = clock.monotonic()
        self._ended += ended

    def _write_backlog(self) -> None:
        """As much as fits, down to a single line: what is in a segment can be drained, which makes room for more."""
        while self._backlog:
            lines = self._backlog.piece()
            if not self._append(b"".join(lines)):
                lines = lines[:1]
                if not self._append(lines[0]):
                    return
            self._count(len(lines))
            self._backlog.drop(len(lines))

    def _trouble(self, reason: str) -> None:
        if not self._in_trouble:
            log.error("spool.disk_refuses", error=reason, directory=str(self.directory))
        self._in_trouble = True


def _own_directory(root: Path) -> tuple[Path, int]:
    """A new directory and its held lock. It is locked before it gets its visible name: never adoptable."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = uuid.uuid4().hex
    draft, directory = root / f".{name}", root / name
    draft.mkdir(mode=0o700)
    lock = os.open(draft / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    draft.rename(directory)
    return directory, lock
