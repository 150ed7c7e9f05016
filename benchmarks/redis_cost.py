"""`python -m benchmarks.redis_cost --redis redis://127.0.0.1:6390/0`: what a fleet's calls cost Redis itself, in µs of its CPU.

On a Redis that nobody else uses: its own clock of CPU is read before and after. Exit codes: 0 measured, 1 no Redis.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from time import process_time
from typing import Any, Final

from redis import Redis, RedisError

from apps.core import clock, ids
from apps.core.state.contract import (
    BreakerPolicy,
    Claim,
    Completion,
    Grant,
    Kind,
    PastUsage,
    Subject,
    Window,
)
from apps.core.state.redis.store import RedisStore

CALLERS: Final = 64
REQUESTS: Final = 3_200
LOOKS: Final = 100
CANDIDATES: Final = 100
POLICY: Final = BreakerPolicy()
ENDED: Final = Completion(health="success", spent={"requests": 1, "tokens": 900})


class Meter:
    """Of a server, and of this process."""

    def __init__(self, url: str) -> None:
        self._server: Any = Redis.from_url(url)

    def read(self) -> tuple[float, float]:
        """Seconds of CPU. Raises RedisError."""
        told = self._server.info("cpu")
        return told["used_cpu_user"] + told["used_cpu_sys"], process_time()

    async def of(self, work: Callable[[], Awaitable[object]], count: int) -> str:
        """What one of `count` parts of it cost."""
        before = self.read()
        await work()
        redis_s, python_s = (after - was for after, was in zip(self.read(), before, strict=True))
        return f"Redis {1e6 * redis_s / count:6.0f} µs, the process {1e6 * python_s / count:6.0f} µs"


def subject(number: int, kind: Kind) -> Subject:
    """A candidate with four windows, and four of its account, which five share."""
    account = f"1:p{number // 5}"
    candidate = f"{account}|m{number}"
    return Subject(account, candidate, (*_windows(account, kind), *_windows(candidate, kind)))


def _windows(scope: str, kind: Kind) -> Iterator[Window]:
    for metric in ("requests", "tokens"):
        for period in ("minute", "day"):
            yield Window(f"{scope}#{metric}/{period}", metric, period, 10**9, kind)


async def _measure(url: str, kind: Kind) -> Iterator[str]:
    store, meter = RedisStore(url, prefix=f"bench-{ids.uuid7()}", gather_s=0.0, deadline_s=5.0), Meter(url)
    subjects = [subject(number, kind) for number in range(CANDIDATES)]

    async def request(wanted: Subject) -> None:
        claim = Claim(ids.uuid7(), wanted, {"requests": 1, "tokens": 1000})
        answer = await store.acquire(claim, clock.now())
        assert isinstance(answer, Grant)  # noqa: S101 - nothing is ever full
        await store.complete(answer, ENDED, POLICY, clock.now())

    async def requests() -> None:
        async def caller() -> None:
            for _ in range(REQUESTS // CALLERS):
                await request(subjects[0])

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        await store.open_grants()

    async def looks() -> None:
        for _ in range(LOOKS):
            await store._watching.look(subjects, clock.now(), anew=True)

    try:
        await store.restore(nothing, clock.now())
        for each in subjects:
            await request(each)
        return iter(
            [
                f"{kind}: a request, eight windows       {await meter.of(requests, REQUESTS)}",
                f"{kind}: a look at {CANDIDATES} candidates        {await meter.of(looks, LOOKS)}",
            ]
        )
    finally:
        await store.aclose()


async def nothing(_now: float) -> list[PastUsage]:
    """What a store has to restore."""
    return []


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redis_cost", description=__doc__)
    parser.add_argument("--redis", default="redis://127.0.0.1:6390/0", help="(default: %(default)s)")
    arguments = parser.parse_args()
    kinds: tuple[Kind, ...] = ("fixed", "rolling")
    try:
        Meter(arguments.redis).read()
    except RedisError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for kind in kinds:
        for line in asyncio.run(_measure(arguments.redis, kind)):
            sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
