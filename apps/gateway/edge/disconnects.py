"""Noticing clients that go away while their request is served, and cancelling it.

On the socket (`cycle`) the connection's end says so. ASGI tells of it only to whoever waits in `receive`, and a task that waits costs more
than parsing a request: there a request that is still open when all are looked at for the second time gets a listening task.
"""

import asyncio
from collections.abc import Callable

from apps.gateway.edge.http import LeanRequest

LOOK_INTERVAL_S = 0.05

_OPEN: "set[Guard]" = set()


class Guard:
    """One open request, which the current task serves. `client_left` is True when its task was cancelled for that reason."""

    __slots__ = ("_task", "client_left")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self.client_left = False
        _OPEN.add(self)

    def leave(self) -> None:
        """Cancel the request: its client is gone."""
        if not self.client_left:
            self.client_left = True
            self._cancel()

    def interrupt(self) -> None:
        """End the request although its client waits."""
        if not self.client_left:
            self._cancel()

    def release(self) -> None:
        """The request is over."""
        _OPEN.discard(self)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Listener(Guard):
    """One that comes over ASGI. `on_left`: called where the client is gone, before the request is cancelled."""

    __slots__ = ("_listening", "_looked", "_on_left", "_request")

    def __init__(self, request: LeanRequest, on_left: Callable[[], None]) -> None:
        super().__init__()
        self._request = request
        self._on_left = on_left
        self._listening: asyncio.Task[None] | None = None
        self._looked = False

    def look(self) -> None:
        """Listen, from the second look on: most requests are over by then."""
        if not self._looked:
            self._looked = True
        elif self._listening is None and self._request.complete:  # until then, reading the body notices
            self._listening = asyncio.create_task(self._request.client_left())
            self._listening.add_done_callback(self._heard)

    def release(self) -> None:
        """See Guard."""
        super().release()
        if self._listening is not None:
            self._listening.cancel()

    def _heard(self, listening: "asyncio.Task[None]") -> None:
        if not listening.cancelled() and listening.exception() is None:
            self._on_left()
            self.leave()


def interrupt_all() -> None:
    """End every open request of this process: it stops."""
    for guard in tuple(_OPEN):
        guard.interrupt()


class Watch:
    """The open requests over ASGI of one event loop; its timer runs only while there are any."""

    def __init__(self) -> None:
        self._open: set[Listener] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request: LeanRequest, on_left: Callable[[], None]) -> Listener:
        """Watch over `request`, which the current task serves."""
        guard = Listener(request, on_left)
        self._open.add(guard)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_INTERVAL_S, self._look)
        return guard

    def end(self, guard: Listener) -> None:
        """The request is over."""
        self._open.discard(guard)
        guard.release()

    def _look(self) -> None:
        self._timer = None
        for guard in tuple(self._open):
            guard.look()
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(LOOK_INTERVAL_S, self._look)
