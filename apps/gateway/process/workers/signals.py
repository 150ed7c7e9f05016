"""Signals as a loop hears them: each is noted when it comes, and wakes whoever waits."""

import os
import select
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

HEARD: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
TERMINAL: Final = "/dev/tty"


class Signals:
    """Those that came and were not taken yet."""

    def __init__(self, reading: int, writing: int) -> None:
        self.descriptors = (reading, writing)
        self._has_terminal = _has_terminal()

    def wait(self, others: Iterable[int], timeout_s: float | None) -> list[int]:
        """Until one comes, one of the `others` can be read, or the time is over. Returns the signals that came."""
        poll = select.poll()
        for descriptor in (self.descriptors[0], *others):
            poll.register(descriptor, select.POLLIN)
        poll.poll(None if timeout_s is None else max(0, round(timeout_s * 1000) + 1))
        came = b""
        with suppress(BlockingIOError):
            while piece := os.read(self.descriptors[0], 1024):
                came += piece
        return list(came)

    def is_hangup(self) -> bool:
        """Whether a SIGHUP is the end of the terminal that the process was started on."""
        return self._has_terminal and not _has_terminal()


@contextmanager
def heard() -> Iterator[Signals]:
    """Hear them instead of ending by them."""
    reading, writing = os.pipe()
    for each in (reading, writing):
        os.set_blocking(each, False)
    before = {number: signal.signal(number, _noted) for number in HEARD}
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield Signals(reading, writing)
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _noted(*_: object) -> None:
    """Its number is written into the pipe."""


def _has_terminal() -> bool:
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
