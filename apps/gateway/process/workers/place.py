"""A place where workers serve, one after the other: its sockets outlive them, so that connections wait for who comes next."""

import socket
from collections.abc import Iterator
from typing import Final

from apps.gateway.process import listening
from apps.gateway.process.workers.birth import Born
from apps.gateway.supervision import BackOff

PROVEN_S: Final = 5.0
"""Who has served so long is followed at once: what ended it may have been chance."""


class Place:
    """`worker` serves there, or is starting; `successor` is to follow it, and then `leaving` is who it followed. `due_at`: when the next
    one is started, on `clock.monotonic`."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.sockets = sockets
        self._addresses = [(each.family, each.getsockname()) for each in sockets]
        self._pauses = BackOff()
        self.worker: Born | None = None
        self.successor: Born | None = None
        self.leaving: Born | None = None
        self.due_at: float | None = 0.0

    def everybody(self) -> Iterator[Born]:
        """All that live there."""
        for each in (self.worker, self.successor, self.leaving):
            if each is not None:
                yield each

    def lost(self, lasted_s: float, now: float) -> float:
        """Its worker has ended unasked. Returns how long until the next, in seconds: meanwhile new connections go to the others."""
        self.worker = None
        pause_s = 0.0 if lasted_s >= PROVEN_S else self._pauses.after(lasted_s)
        self.due_at = now + pause_s
        if pause_s:
            self.close()
        return pause_s

    def open(self) -> None:
        """Have sockets, if there are none. Raises OSError."""
        if not self.sockets:
            self.sockets = [listening.beside(family, address) for family, address in self._addresses]
        self.due_at = None

    def close(self) -> None:
        """Who waits is refused, and who comes goes to the others."""
        listening.close(self.sockets)
        self.sockets = []

    def promote(self) -> None:
        """The successor serves; who served is leaving."""
        self.worker, self.successor, self.leaving = self.successor, None, self.worker
