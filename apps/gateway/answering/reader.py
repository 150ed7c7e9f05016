"""How the client of a streamed answer reads it: how much of the request's time that takes, and that no upstream's call outlasts it."""

import asyncio
from collections.abc import Callable
from typing import Final

STALLED_S: Final = 5.0
"""A client that takes nothing for so long, and then is gone, had stopped reading."""
LOOK_INTERVAL_S: Final = 1.0


class Reader:
    """The client, from the stream's side: `gives` before each part, `took` when it is asked for the next.

    From `deadline` (on the event loop's clock) on, `let_go` is called while a part waits to be taken. To be closed.
    """

    __slots__ = ("_began", "_let_go", "_loop", "_since", "_taken_s", "_timer")

    def __init__(self, deadline: float, let_go: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._let_go = let_go
        self._began = self._loop.time()
        self._since: float | None = None
        self._taken_s = 0.0
        self._timer = self._loop.call_at(deadline, self._look)

    def gives(self) -> float:
        """A part goes out. The time, on the event loop's clock."""
        self._since = self._loop.time()
        return self._since

    def took(self) -> None:
        """It was taken."""
        if self._since is not None:
            self._taken_s += self._loop.time() - self._since
        self._since = None

    def is_stalled(self) -> bool:
        """Whether the last part has waited for long."""
        return self._since is not None and self._loop.time() - self._since > STALLED_S

    def took_most_of_it(self) -> bool:
        """Whether more of the time went into waiting for the client than for the upstream."""
        return 2 * self._taken_s > self._loop.time() - self._began

    def close(self) -> None:
        """Nothing is held for it any more."""
        self._timer.cancel()
        self._let_go = _nothing  # which is of the stream, that has this

    def _look(self) -> None:
        if self._since is not None:
            self._let_go()
        self._timer = self._loop.call_later(LOOK_INTERVAL_S, self._look)


def _nothing() -> None:
    pass
