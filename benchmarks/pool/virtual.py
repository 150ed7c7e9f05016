"""An event loop whose time does not pass but jumps: to the next timer, when nothing else is to do. A day in a minute."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from apps.core import clock

T = TypeVar("T")


class VirtualTime:
    """The clock of a simulation. `epoch` is UTC epoch seconds at its beginning, `elapsed` seconds since then."""

    def __init__(self, epoch: float) -> None:
        self.epoch = epoch
        self.elapsed = 0.0

    def now(self) -> float:
        """UTC epoch seconds."""
        return self.epoch + self.elapsed

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self.elapsed


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where a selector would sleep, time goes on by as much."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:  # a thread is at work: the only thing that takes real time
            return super().select(None)
        self._time.elapsed += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__(_Jumping(time))
        self._virtual = time

    def time(self) -> float:
        return self._virtual.elapsed


def run(main: Coroutine[Any, Any, T], time: VirtualTime) -> T:
    """`asyncio.run` on virtual time; the product's clock shows it too."""
    real = clock.now, clock.monotonic
    clock.now, clock.monotonic = time.now, time.monotonic
    try:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(time)) as runner:
            return runner.run(main)
    finally:
        clock.now, clock.monotonic = real
