"""How long the server waits for what a client still has to send, how large a head may be, and how many connections there may be.

A client that trickles is told from one that uploads slowly by what arrives: of a body it may be FREEAI_BODY_TIMEOUT_S behind PACE, and
silent for FREEAI_BODY_SILENCE_S. What comes early earns no silence for later. What does not read is no client's fault: while we have
paused the reading, no time runs. In the same way one that has stopped reading is told from one that reads slowly: by what it takes.
"""

import resource
from collections.abc import Iterable
from typing import Final, Protocol

import structlog
from django.conf import settings

log = structlog.get_logger("freeai.http")

PACE: Final = 16 * 1024
"""Bytes of a body a second that are an upload, however large it is."""
READING_PACE: Final = 1024
"""Bytes of an answer a second that are reading, however long it takes."""
SWEEP_S: Final = 1.0
DRAIN_S: Final = 5.0
"""How long a body is still taken in whose request is answered already: clients that send all of it before they read see the answer."""
MOST_BY_DEFAULT: Final = 10_000
LEFT_FOR_OTHERS: Final = 0.5
"""Share of the descriptors of the process that is not for clients: upstreams, files, the database."""
AT_ONCE: Final = 0.02
"""Share of the connections that makes room at a time, so that a flood does not have them all looked at for each that comes."""


class Connection(Protocol):
    """What is asked of a connection."""

    def overdue(self, now: float) -> bool:
        """Whether the client had its time."""

    def time_out(self) -> None:
        """Tell the client, and close."""

    def silent_since(self) -> float | None:
        """Since when nothing is under way on it. None if something is."""

    def make_room(self) -> None:
        """Close it, to the advantage of another."""


def caught_up(since: float, moved: int, pace: int, now: float) -> float:
    """Since when a client is behind its pace, after it has moved so many bytes more. None of that is in advance."""
    return min(now, since + moved / pace)


def most_connections() -> int:
    """FREEAI_MAX_CONNECTIONS, or what the system's limit on open files leaves for clients."""
    if settings.FREEAI_MAX_CONNECTIONS:
        return int(settings.FREEAI_MAX_CONNECTIONS)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_BY_DEFAULT
    return min(MOST_BY_DEFAULT, int(files * LEFT_FOR_OTHERS))


def raise_file_limit() -> None:
    """As many open files as the system lets the process have: a stream takes two, the client's connection and the upstream's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MOST_BY_DEFAULT
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def sweep(connections: Iterable[Connection], now: float) -> None:
    """End those whose client had its time. To be called every SWEEP_S; `now` is the loop's."""
    for connection in [each for each in connections if each.overdue(now)]:
        connection.time_out()


def make_room(connections: Iterable[Connection]) -> bool:
    """Close the silent ones that are so for longest, some at a time. False if there are none."""
    silent = [(since, each) for each in connections if (since := each.silent_since()) is not None]
    silent.sort(key=lambda pair: pair[0])
    leaving = silent[: max(1, int(len(silent) * AT_ONCE))]
    for _, connection in leaving:
        connection.make_room()
    log.warning("connections.full", closed=len(leaving))
    return bool(leaving)
