"""What the fake upstream received, newest last, and what became of each request."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

JOURNAL_SIZE = 10_000

Finish = Literal["complete", "client_left"]


@dataclass(slots=True, kw_only=True)
class Received:
    """One request. Header names are lower-case; `body` is the parsed JSON, or the raw text of anything else.

    `finished` is None while the request is open, "client_left" if the caller hung up first, "complete" if the
    fake did all it was meant to do (a cut connection included). Times are epoch seconds. `tokens`: what its answer says that it took.
    """

    provider: str
    family: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    started_at: float
    behaviour: str = ""
    status: int | None = None
    tokens: int = 0
    finished: Finish | None = None
    finished_at: float | None = None


class Journal:
    """Keeps the last `size` requests (0 = none) and counts those still open."""

    def __init__(self, size: int = JOURNAL_SIZE) -> None:
        self._entries: deque[Received] = deque(maxlen=size)
        self.open_requests = 0

    def open(self, received: Received) -> None:
        """Note a request that has just arrived; every one must be closed once."""
        self.open_requests += 1
        self._entries.append(received)

    def close(self, received: Received, finished: Finish, *, now: float) -> None:
        """Note the end of a request, at epoch second `now`."""
        self.open_requests -= 1
        received.finished = finished
        received.finished_at = now

    def entries(self) -> list[Received]:
        """The requests kept, oldest first; a copy of the list."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget the requests kept; those still open stay counted."""
        self._entries.clear()
