"""Noticing clients that go away while their request is served, and cancelling it.

ASGI tells of a disconnect only to whoever waits in `receive`, and a task that waits costs more than parsing a request. So all open
requests are looked at together, a few times a second: uvicorn's request cycle knows whether its client is gone. Under another server a
request that is still open at the second look gets a listening task.
"""

import asyncio
from typing import Any
from weakref import WeakSet

from apps.gateway.edge.http import LeanRequest

LOOK_INTERVAL_S = 0.05

_WATCHES: "WeakSet[Watch]" = WeakSet()


class Guard:
    """One open request. `client_left` is True when its task was cancelled for that reason."""

    __slots__ = ("_cycle", "_listener", "_looked", "_request", "_task", "client_left")

    def __init__(self, request: LeanRequest, receive: Any) -> None:
        self._request = request
        self._task = asyncio.current_task()
        cycle = getattr(receive, "__self__", None)
        self._cycle: Any = cycle if hasattr(cycle, "disconnected") else None
        self._listener: asyncio.Task[None] | None = None
        self._looked = False
        self.client_left = False

    def look(self) -> None:
        """Cancel the request if its client is gone."""
        if self._cycle is not None:
            if self._cycle.disconnected and not self.client_left:
                self._leave()
        elif not self._looked:
            self._looked = True
        elif self._listener is None and self._request.complete:  # until then, reading the body notices
            self._listener = asyncio.create_task(self._request.client_left())
            self._listener.add_done_callback(self._heard)

    def release(self) -> None:
        """The request is over."""
        if self._listener is not None:
            self._listener.cancel()

    def _heard(self, listener: "asyncio.Task[None]") -> None:
        if not listener.cancelled() and listener.exception() is None:
            self._leave()

    def interrupt(self) -> None:
        """End the request although its client waits."""
        if self._task is not None and not self.client_left:
            self._task.cancel()

    def _leave(self) -> None:
        self.client_left = True
        if self._task is not None:
            self._task.cancel()


def interrupt_all() -> None:
    """End every open request of this process: it stops."""
    for watch in tuple(_WATCHES):
        watch.interrupt()


class Watch:
    """The open requests of one event loop; its timer runs only while there are any."""

    def __init__(self) -> None:
        self._open: set[Guard] = set()
        _WATCHES.add(self)
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request: LeanRequest, receive: Any) -> Guard:
        """Watch over `request`, which the current task serves."""
        guard = Guard(request, receive)
        self._open.add(guard)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_INTERVAL_S, self._look)
        return guard

    def end(self, guard: Guard) -> None:
        """The request is over."""
        self._open.discard(guard)
        guard.release()

    def interrupt(self) -> None:
        """End every open request."""
        for guard in tuple(self._open):
            guard.interrupt()

    def _look(self) -> None:
        self._timer = None
        for guard in tuple(self._open):
            guard.look()
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(LOOK_INTERVAL_S, self._look)
