"""Connections that wait for their next call, by origin: the latest first, so that a pool shrinks to what is used."""

from typing import Final

from apps.providers.http.connection import Connection
from apps.providers.http.deadlines import Deadlines
from apps.providers.http.requests import Origin

KEEPALIVE_S: Final = 60.0
MAX_IDLE: Final = 256
"""Of an origin, and four times as many in all; how many are open at a time is bounded by the requests that the edge lets in."""
MAX_IDLE_IN_ALL: Final = 4 * MAX_IDLE


class Pool:
    """Knows every connection: those that idle, and, by their deadlines, the others."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self._idle: dict[Origin, list[Connection]] = {}
        self._idle_count = 0
        self._open: set[Connection] = set()

    def take(self, origin: Origin) -> Connection | None:
        """One that served before, as far as we know still open."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if connection.is_open:
                return connection
        return None

    def give_back(self, connection: Connection) -> None:
        """It is free again; one too many is closed."""
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) >= MAX_IDLE or self._idle_count >= MAX_IDLE_IN_ALL:
            connection.abort()
            return
        idle.append(connection)
        self._idle_count += 1
        connection.wait(KEEPALIVE_S)

    def opened(self, connection: Connection) -> None:
        """There is one more."""
        self._open.add(connection)
        self.deadlines.watch(connection)

    def forget(self, connection: Connection) -> None:
        """It is over. May be called twice."""
        self._open.discard(connection)
        self.deadlines.forget(connection)
        idle = self._idle.get(connection.origin)
        if idle and connection in idle:
            idle.remove(connection)
            self._idle_count -= 1
        if idle == []:
            del self._idle[connection.origin]

    def close(self) -> None:
        """Open answers fail."""
        for connection in list(self._open):
            connection.abort()
