"""What lies in the spool's folder: segments and their lines, and the directories of dead processes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from apps.analytics.events import UsageEvent

log = structlog.get_logger("freeai.spool")

REFUSED_BYTES = 16 * 1024 * 1024
LOCK = "lock"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(UsageEvent).decode


def adoptable(root: Path) -> Iterator[Path]:
    """Directories of dead processes, each locked until the next is asked for: no two adopt the same."""
    for directory in sorted(root.glob("[!.]*/")):
        try:
            lock = os.open(directory / LOCK, os.O_RDWR)
        except FileNotFoundError:
            continue  # another process has just adopted it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            yield directory
        finally:
            os.close(lock)


def segments(directory: Path) -> list[Path]:
    """The segments of a directory, oldest first."""
    return sorted(directory.glob("[0-9]*.jsonl"), key=lambda path: int(path.stem))


def discard(directory: Path) -> None:
    """Remove a directory whose segments are drained, the lock last. One that is already gone is no error."""
    for path in [*segments(directory), directory / LOCK]:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # gone, or not empty: without a lock nobody looks into it again
        directory.rmdir()


def read_events(segment: Path) -> Iterator[UsageEvent]:
    """The events of a closed segment; unknown fields are ignored, unreadable lines logged and set aside."""
    try:
        file = segment.open("rb")
    except FileNotFoundError:
        return  # drained before
    with file:
        for number, line in enumerate(file, start=1):
            if line == b"\n":
                continue
            try:
                event = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                log.warning(
                    "spool.line_unreadable", segment=str(segment), line=number, error=str(error)[:200]
                )
                set_aside(segment.parent.parent, line)
                continue
            yield event


def set_aside(root: Path, line: bytes) -> None:
    """Keep a line that cannot be stored, for a human to look at; 16 MiB of them at most."""
    path = root / "refused.jsonl"
    if path.exists() and path.stat().st_size > REFUSED_BYTES:
        return
    with path.open("ab") as file:
        file.write(line.rstrip(b"\n") + b"\n")


def encode(event: UsageEvent) -> bytes:
    """The event as its line in a segment."""
    return _encode(event) + b"\n"
