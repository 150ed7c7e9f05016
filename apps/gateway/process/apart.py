"""Work of a start in a child that is forked before there are threads: what it loads and leaves in memory goes with it."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class Apart:
    """A child that waits for its turn with `work`. `run` once; always left as a context, which ends it where it still works."""

    def __init__(self, work: Callable[[], object]) -> None:
        waits, self._go = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._go)
            _work(waits, work)
        os.close(waits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._go >= 0:
            os.close(self._go)
            self._go = -1
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)  # not waited for yet, so that its id is nobody else's
            os.waitpid(self._pid, 0)
            self._pid = 0

    def run(self) -> bool:
        """Let it work, and wait for its end: whether all is done. Where it is not nobody knows why; whoever does it again will."""
        with suppress(BrokenPipeError):  # somebody killed it
            os.write(self._go, b"!")
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status) == 0


def _work(waits: int, work: Callable[[], object]) -> None:
    """Never returns: what the parent would do at its exit is not for us to do."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if os.read(waits, 1):  # nothing comes where the parent is gone
            work()
            code = 0
    except BaseException:  # noqa: BLE001, S110 - told by whoever does it again
        pass
    finally:
        os._exit(code)
