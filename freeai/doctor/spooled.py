"""What is in the spool, read beside the processes that write it."""

import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from apps.analytics.events import UsageEvent
from apps.analytics.segments import LOCK, Reader, segments

read: Final = Reader(UsageEvent, keeps=False).read


class Spooled(Struct):
    """`ended`: final events by id. `open_here`: attempts without an end in the directory of a process that lives; `open_dead`: of one that
    does not, which the next look of a gateway takes over. `requests`: whose attempts these all are."""

    ended: dict[str, UsageEvent] = msgspec.field(default_factory=dict)
    open_here: int = 0
    open_dead: int = 0
    requests: set[str] = msgspec.field(default_factory=set)


def spooled(root: Path) -> Spooled:
    """All that waits. What is drained meanwhile may be missing, and is in the database then. Raises OSError."""
    found = Spooled()
    for directory in sorted(root.glob("[!.]*/")):
        unfinished: set[str] = set()
        for segment in segments(directory):
            for event in read(segment):
                if event.request_uuid:
                    found.requests.add(event.request_uuid)
                if event.outcome == "interrupted" or event.is_open:
                    unfinished.add(event.id)
                else:
                    unfinished.discard(event.id)
                    found.ended[event.id] = event
        unfinished -= set(found.ended)
        if _lives(directory):
            found.open_here += len(unfinished)
        else:
            found.open_dead += len(unfinished)
    return found


def _lives(directory: Path) -> bool:
    """Whether the process that writes there does."""
    try:
        lock = os.open(directory / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
