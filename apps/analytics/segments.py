"""What lies in the spool's folder: segments and their lines, and the directories of dead processes."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

import msgspec
import structlog

from apps.analytics.events import UsageEvent

log = structlog.get_logger("freeai.spool")

REFUSED_BYTES = 16 * 1024 * 1024
READ_BYTES = 1024 * 1024
LOCK = "lock"


def _opened(path: Path) -> int:
    """The file's descriptor, without a wait for a pipe's writer. Raises OSError, also for anything but a regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return descriptor


E = TypeVar("E", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode


class Reader(Generic[E]):
    """Reads lines as `kind`: the whole event, or what one asker needs of it. `keeps`: what is unreadable is logged and set aside."""

    def __init__(self, kind: type[E], *, keeps: bool) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._keeps = keeps

    def read(self, segment: Path) -> Iterator[E]:
        """The events of a segment, none of one that is gone; unknown fields are ignored, unreadable lines left out. Raises OSError."""
        try:
            file = os.fdopen(_opened(segment), "rb")
        except FileNotFoundError:
            return  # drained before
        with file:
            for lines in _pieces(file):
                yield from self._decoded(lines, segment)

    def _decoded(self, lines: bytes, segment: Path) -> Iterable[E]:
        try:
            return self._decoder.decode_lines(lines)  # at a third of the price of one by one
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._readable(lines.splitlines(keepends=True), segment)

    def _readable(self, lines: Iterable[bytes], segment: Path) -> Iterator[E]:
        for line in lines:
            if line == b"\n":
                continue
            try:
                event = self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if self._keeps:
                    log.warning("spool.line_unreadable", segment=str(segment), error=str(error)[:200])
                    set_aside(segment.parent.parent, line)
                continue
            yield event


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """A megabyte of whole lines at a time; at the end what there is, be it whole or torn."""
    rest = b""
    while read := file.read(READ_BYTES):
        read = rest + read
        whole = read.rfind(b"\n") + 1
        if whole:
            yield read[:whole]
        rest = read[whole:]
    if rest:
        yield rest


read_events = Reader(UsageEvent, keeps=True).read
decode = msgspec.json.Decoder(UsageEvent).decode


def take(root: Path, own: Path) -> Iterator[tuple[Path, int]]:
    """Directories of dead processes and their locks, now held: no two processes take the same. The caller closes the lock.

    `own`: this process's. One with segments and no lock is a dead one's too. What cannot be looked into is logged.
    """
    for directory in sorted(root.glob("[!.]*/")):
        if directory == own:
            continue
        create = os.O_CREAT if segments(directory) else 0
        try:
            lock = os.open(directory / LOCK, os.O_RDWR | create, 0o600)
        except FileNotFoundError:
            continue  # not ours, or another process has just written and removed it
        except OSError as error:
            refuse(directory, error)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its owner lives
            os.close(lock)
            continue
        yield directory, lock


def refuse(directory: Path, error: OSError) -> None:
    """Say once that a directory cannot be adopted, and what to do."""
    if _first(directory):
        log.error(
            "usage.not_adopted",
            directory=str(directory),
            error=error.strerror or str(error),
            remedy="Usage events of an earlier process wait there: make the directory and its files readable and writable for this "
            "process, or move it away. It is tried again every minute.",
        )


_told: set[Path] = set()


def _first(directory: Path) -> bool:
    """Whether nothing was said of it yet: it is looked at every minute."""
    first = directory not in _told
    _told.add(directory)
    return first


def segments(directory: Path) -> list[Path]:
    """The segments of a directory, oldest first. Any other name that ends so (a copy somebody made) follows: a replay is harmless."""
    return sorted(directory.glob("*.jsonl"), key=_age)


def is_copy(segment: Path) -> bool:
    """Whether somebody else gave it its name, so that its events may be in another segment too."""
    return not (segment.stem.isascii() and segment.stem.isdigit())


def _age(segment: Path) -> tuple[bool, int, str]:
    copy = is_copy(segment)
    return copy, 0 if copy else int(segment.stem), segment.name


def discard(directory: Path) -> None:
    """Remove a directory whose segments are drained, the lock last. One that is already gone is no error."""
    for path in [*segments(directory), directory / LOCK]:
        path.unlink(missing_ok=True)
    try:
        directory.rmdir()
    except FileNotFoundError:
        pass
    except OSError:
        if _first(directory):
            log.warning(
                "spool.strangers",
                directory=str(directory),
                remedy="All usage events in it are written. What is left is not FreeAI's: remove the directory when you have looked.",
            )


def set_aside(root: Path, line: bytes) -> None:
    """Keep a line that cannot be stored, for a human to look at; 16 MiB of them at most. A disk that is full keeps none."""
    path = root / "refused.jsonl"
    with suppress(OSError):
        if path.exists() and path.stat().st_size > REFUSED_BYTES:
            return
        with path.open("ab") as file:
            file.write(line.rstrip(b"\n") + b"\n")


def encode(event: UsageEvent) -> bytes:
    """The event as its line in a segment."""
    return _encode(event) + b"\n"
