"""`python -m benchmarks.fed serve …`: FreeAI as `manage.py` serves it, whose own spool can be fed with usage events beside its requests.

SIGUSR1 begins with RATE attempts a second, SIGUSR2 ends that, waits until the database has them all, and prints what came of it as a
line of JSON.
"""

import asyncio
import signal
import sys
import time
from time import perf_counter
from typing import Final

import orjson

from benchmarks import attempts
from freeai.entrance import run_command

RATE: Final = 2_000
MARK: Final = "req-fed"
"""The request id of what is fed."""
TICK_S = 0.005
MOST_A_TICK = 100
DRAIN_S = 60.0


class Feeder:
    """Feeds the gateway on its own event loop."""

    def __init__(self) -> None:
        self._is_over = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, *_: object) -> None:
        """A signal's handler."""
        self._is_over = False
        self._task = asyncio.get_running_loop().create_task(self._feed())

    def end(self, *_: object) -> None:
        """A signal's handler."""
        self._is_over = True

    async def _feed(self) -> None:
        from apps.gateway import runtime

        gateway, started = runtime.current(), perf_counter()
        fed, lag_s = 0, 0.0
        while not self._is_over:
            for _ in range(min(int((perf_counter() - started) * RATE) - fed, MOST_A_TICK)):
                attempts.write(
                    gateway.spool, at=time.time(), user_id=1, provider="bench-fed", request_id=MARK
                )
                fed += 1
            lag_s = max(lag_s, gateway.writer.lag_s())
            await asyncio.sleep(TICK_S)
        seconds = perf_counter() - started
        while gateway.writer.depth() and perf_counter() < started + seconds + DRAIN_S:
            lag_s = max(lag_s, gateway.writer.lag_s())
            await asyncio.sleep(TICK_S)
        print(orjson.dumps({"fed": fed, "seconds": seconds, "lag_s": lag_s}).decode(), flush=True)


def main() -> None:
    """Returns when the gateway has ended."""
    feeder = Feeder()
    signal.signal(signal.SIGUSR1, feeder.begin)
    signal.signal(signal.SIGUSR2, feeder.end)
    run_command(sys.argv)


if __name__ == "__main__":
    main()
