"""`python -m benchmarks.second_calls`: how often a request of a fleet needs another round trip to Redis, its first candidate being full,
and what asking for four candidates in one call costs.

Eight stores, as eight processes would have them, share a pool of candidates whose limits are spent all the time. A request looks at its
candidates, leaves out what its process knows to be full, and asks for one after the other, as dispatch does. Exit codes: 0 measured, 1 no
Redis.
"""

import argparse
import asyncio
import sys
from collections import Counter
from time import monotonic, process_time
from typing import Final

from apps.core import clock, ids
from apps.core.state.contract import BreakerPolicy, Claim, Completion, Grant, Subject, Window
from apps.core.state.redis.member import UnreachableError
from apps.core.state.redis.store import RedisStore
from benchmarks.redis_cost import nothing, subject

POLICY: Final = BreakerPolicy()
ENDED: Final = Completion(health="success", spent={"requests": 1})
CANDIDATES: Final = 10
STORES: Final = 8
TURNS: Final = 20
CALLS: Final = 100


def pool(limit: int) -> list[Subject]:
    """Accounts with a rolling minute of so many requests."""
    return [
        Subject(
            f"1:p{number}",
            f"1:p{number}|m",
            (Window(f"1:p{number}#requests/minute", "requests", "minute", limit, "rolling"),),
        )
        for number in range(CANDIDATES)
    ]


class Asking:
    """`calls`: requests by how many round trips each took, 0 for those of which it was known that nothing is left."""

    def __init__(self, store: RedisStore, subjects: list[Subject], per_s: float) -> None:
        self.store, self.subjects, self._pause_s = store, subjects, 1 / per_s
        self.calls: Counter[int] = Counter()
        self.served = 0

    async def run(self, end: float) -> None:
        due = monotonic()
        while (now := monotonic()) < end:
            await self.ask()
            due = max(due + self._pause_s, now - 1.0)
            await asyncio.sleep(max(0.0, due - monotonic()))

    async def ask(self) -> None:
        """One request."""
        now = clock.now()
        standings = await self.store.view(self.subjects, now)
        left = [
            one
            for one, standing in zip(self.subjects, standings, strict=True)
            if standing.used[0] < one.windows[0].limit
        ]
        count = 0
        for one in left:
            count += 1
            answer = await self.store.acquire(Claim(ids.uuid7(), one, {"requests": 1}), now)
            if isinstance(answer, Grant):
                self.served += 1
                await self.store.complete(answer, ENDED, POLICY, clock.now())
                break
        self.calls[count] += 1


async def _measure(url: str, limit: int, per_s: float, seconds: float) -> str:
    prefix = f"bench-{ids.uuid7()}"
    stores = [RedisStore(url, prefix=prefix, gather_s=0.0, deadline_s=5.0) for _ in range(STORES)]
    try:
        for store in stores:
            await store.restore(nothing, clock.now())
        asking = [Asking(store, pool(limit), per_s / STORES) for store in stores]
        began = process_time()
        await asyncio.gather(*(each.run(monotonic() + seconds) for each in asking))
        cpu_s = process_time() - began
    finally:
        for store in stores:
            await store.aclose()
    calls: Counter[int] = sum((each.calls for each in asking), Counter())
    requests, served = calls.total(), sum(each.served for each in asking)
    asked = requests - calls[0]
    more = sum(n for count, n in calls.items() if count > 1)
    trips = sum(count * n for count, n in calls.items())
    share, each_s = 100 * more / max(asked, 1), cpu_s / max(requests, 1)
    return (
        f"limit {limit:6}, {requests / seconds:4.0f} requests/s, {served:5} served: {share:5.2f} % of those that asked needed a second "
        f"call, {trips / max(asked, 1):.3f} calls each, {1e6 * each_s:.0f} µs of CPU a request"
    )


async def _one_or_four(url: str) -> str:
    """What each costs this process where the first candidate has room, in turns."""
    store = RedisStore(url, prefix=f"bench-{ids.uuid7()}", gather_s=0.0, deadline_s=5.0)
    spent_s = {1: 0.0, 4: 0.0}
    four = [subject(number, "rolling") for number in range(4)]
    try:
        await store.restore(nothing, clock.now())
        for turn in range(2 * TURNS):
            count = (1, 4)[turn % 2]
            began = process_time()
            for _ in range(CALLS):
                claims = [Claim(ids.uuid7(), one, {"requests": 1, "tokens": 900}) for one in four[:count]]
                await store.acquire_first(claims, clock.now())
            spent_s[count] += process_time() - began
    finally:
        await store.aclose()
    one_us, four_us = (1e6 * spent_s[count] / (TURNS * CALLS) for count in (1, 4))
    return f"acquire_first of one candidate {one_us:.0f} µs of CPU, of four {four_us:.0f} µs"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.second_calls", description=__doc__)
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/1", help="(default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of each measurement (default: %(default)g)"
    )
    arguments = parser.parse_args()
    for limit, per_s in ((100_000, 200.0), (600, 50.0), (60, 50.0), (60, 200.0)):
        try:
            told = asyncio.run(_measure(arguments.redis, limit, per_s, arguments.seconds))
        except UnreachableError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{asyncio.run(_one_or_four(arguments.redis))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
