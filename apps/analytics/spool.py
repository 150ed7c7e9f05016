"""The usage spool: append-only local files, so that a usage event survives a kill and an absent database.

    root/<uuid>/lock            held with flock by the owner; the system frees it when the process dies
    root/<uuid>/000001.jsonl    segments: one event a line, in the order of writing
    root/refused.jsonl          lines that no database takes, kept for a human

An attempt writes two lines with one id: at its begin the event as it stands if the process dies now (outcome
"interrupted"), at its end the final one. What was written survives the process, not a power cut: nothing here
waits for the disk.
"""

import fcntl
import os
import uuid
from pathlib import Path

import structlog

from apps.analytics.events import UsageEvent
from apps.analytics.segments import LOCK, discard, encode, segments

log = structlog.get_logger("freeai.spool")

BACKLOG_BYTES = 8 * 1024 * 1024
CLOSED = -1


class Spool:
    """This process's directory under `root`. All methods belong to one thread, the event loop's.

    A disk that takes nothing costs no request: lines wait in memory, up to 8 MiB, until the next `rotate`.
    """

    def __init__(self, root: Path) -> None:
        self.directory, self._lock = _own_directory(root)
        self._fd = CLOSED
        self._path = self.directory
        self._number = 0
        self._open: dict[str, bytes] = {}
        self._ended = 0
        self._undrained: dict[Path, int] = {}
        self._backlog = bytearray()
        self._ended_in_backlog = 0
        self._in_trouble = False
        self._lost = 0

    def begin(self, event: UsageEvent) -> None:
        """Record an attempt that starts now; `event.outcome` is "interrupted"."""
        line = encode(event)
        self._open[event.id] = line
        self._append(line)

    def end(self, event: UsageEvent) -> None:
        """Record how an attempt ended; `event.outcome` is anything but "interrupted"."""
        self._open.pop(event.id, None)
        if self._append(encode(event)):
            self._ended += 1
        else:
            self._ended_in_backlog += 1

    def rotate(self) -> Path | None:
        """Close the current segment and return it, None when no event ended since the last time.

        Attempts still open are written anew into the next segment first: the one returned may be deleted once
        drained.
        """
        self._write_backlog()
        if not self._ended:
            return None
        os.close(self._fd)
        self._fd = CLOSED
        self._undrained[self._path] = self._ended
        self._ended = 0
        closed = self._path
        if self._open:
            self._append(b"".join(self._open.values()))
        return closed

    def undrained(self) -> list[Path]:
        """Closed segments that `drained` was not called for, oldest first."""
        return list(self._undrained)

    def drained(self, segment: Path) -> None:
        """The events of `segment` are in the database and the file is gone."""
        self._undrained.pop(segment, None)

    def depth(self) -> int:
        """Ended events that are not in the database yet, those of dead processes apart."""
        return self._ended + self._ended_in_backlog + sum(self._undrained.values())

    def close(self) -> None:
        """Let go. What is not drained stays for the next process to adopt; an empty directory goes."""
        self._write_backlog()
        if self._fd != CLOSED:
            os.close(self._fd)
            self._fd = CLOSED
        if not segments(self.directory):
            discard(self.directory)
        os.close(self._lock)

    def _append(self, line: bytes) -> bool:
        """Write `line`, or keep it in memory. True when it is in the file."""
        written = 0
        if not self._backlog:
            try:
                written = os.write(self._fd if self._fd != CLOSED else self._open_segment(), line)
            except OSError as error:
                self._trouble(error)
            if written == len(line):
                return True
        self._keep(line, torn=written > 0)
        return False

    def _open_segment(self) -> int:
        path = self.directory / f"{self._number + 1:06}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._number += 1
        self._path = path
        return self._fd

    def _keep(self, line: bytes, *, torn: bool) -> None:
        if len(self._backlog) + len(line) > BACKLOG_BYTES:
            if not self._lost:
                log.error("spool.backlog_full", bytes=len(self._backlog))
            self._lost += line.count(b"\n")
            return
        if torn:
            self._backlog += b"\n"  # ends the part that is in the file; the line itself follows whole
        self._backlog += line

    def _write_backlog(self) -> None:
        if not self._backlog:
            return
        try:
            written = os.write(self._fd if self._fd != CLOSED else self._open_segment(), self._backlog)
        except OSError as error:
            self._trouble(error)
            return
        if written < len(self._backlog):
            whole = self._backlog.rfind(b"\n", 0, written) + 1
            self._backlog[:whole] = b"\n" if whole < written else b""
            return
        self._backlog.clear()
        self._ended += self._ended_in_backlog
        self._ended_in_backlog = 0
        log.info("spool.disk_back", lines_lost=self._lost)
        self._in_trouble, self._lost = False, 0

    def _trouble(self, error: OSError) -> None:
        if not self._in_trouble:
            log.error(
                "spool.disk_refuses", error=os.strerror(error.errno or 0), directory=str(self.directory)
            )
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
