"""How a worker comes: forked from the parent, which has loaded everything, so that they share its memory."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

import structlog
from django.core.management.base import CommandError
from msgspec import Struct

from apps.analytics import shared_metrics
from apps.core import clock, worker
from apps.gateway import supervision
from apps.gateway.process.serving import StartError

log = structlog.get_logger("freeai.gateway")

READY: Final = b"ready\n"
MOST_WORDS: Final = 4096
"""Of what it says where it cannot start."""

Tell = Callable[[bytes], None]
Live = Callable[[Tell], None]


class Born(Struct, eq=False):
    """A worker as its parent knows it. `words`: the descriptor from which what it says comes, -1 when it has said all; `began`: on
    `clock.monotonic`; `kill_at`: when it is not waited for any more."""

    pid: int
    number: int
    words: int
    began: float
    said: bytes = b""
    kill_at: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return self.said.startswith(READY)

    @property
    def failure(self) -> str:
        """Why it did not start, as far as it said so."""
        return "" if self.is_ready else self.said.decode(errors="replace").strip()

    def listen(self) -> None:
        """Take what it has said meanwhile."""
        with suppress(BlockingIOError):
            while self.words >= 0:
                said = os.read(self.words, MOST_WORDS)
                if said and len(self.said) < MOST_WORDS:
                    self.said += said
                else:
                    self.hang_up()

    def hang_up(self) -> None:
        """Listen no more."""
        if self.words >= 0:
            os.close(self.words)
            self.words = -1

    def send(self, signal_number: int) -> None:
        """A signal; who has ended already needs none."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal_number)


def fork(number: int, live: Live) -> Born:
    """A worker that lives as long as `live` runs, to which it hands what tells the parent. No thread may run but this. Raises OSError."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _live(number, live, writing)
    os.close(writing)
    return Born(pid, number, reading, clock.monotonic())


def _live(number: int, live: Live, words: int) -> NoReturn:
    """Never back into what the parent was doing, whatever happens."""
    code = 1
    try:
        _become(number)
        live(lambda said: _say(words, said))
        code = 0
    except (SystemExit, KeyboardInterrupt):
        code = 0
    except BaseException as error:
        _say(words, str(error).encode() or type(error).__name__.encode())
        if not isinstance(error, StartError | CommandError):
            log.exception("worker.failed")
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)


def _become(number: int) -> None:
    """A process of its own: Ctrl-C and the end of a terminal reach it through the parent alone."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _leave)
    os.setsid()
    worker.become(number)
    supervision.begin_anew()
    shared_metrics.reserve()


def _leave(*_: object) -> None:
    sys.exit(0)


def _say(words: int, said: bytes) -> None:
    with suppress(OSError):  # the parent is gone, or heard enough
        os.write(words, said[:MOST_WORDS])
