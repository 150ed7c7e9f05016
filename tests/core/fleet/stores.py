"""Stores that share a Redis, each as a process of a fleet would have it, and what is asked of them."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from apps.core import clock, ids
from apps.core.state.contract import BreakerPolicy, Claim, Completion, Grant, Kind, PastUsage, Subject, Window
from apps.core.state.redis.store import RedisStore

POLICY = BreakerPolicy()
SETTLED = Completion(health="success", spent={"requests": 1})
PATIENCE_S = 20.0
LOOK_S = 0.05


class Ledger:
    """What is written down: `past` up to a time."""

    def __init__(self) -> None:
        self.past: list[PastUsage] = []
        self.asked: list[float] = []

    async def read(self, now: float) -> Iterable[PastUsage]:
        self.asked.append(now)
        return [usage for usage in self.past if usage.at <= now]


class Fleet:
    """Stores that share a Redis, each as a process would have it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = Ledger()
        self.stores: list[RedisStore] = []

    async def join(self, count: int, deadline_s: float = 1.0) -> list[RedisStore]:
        new = [RedisStore(self.url, deadline_s=deadline_s, gather_s=0.05) for _ in range(count)]
        for store in new:
            await store.restore(self.ledger.read, clock.now())
        self.stores += new
        await until(lambda: all(len(store.fleet) == len(self.stores) for store in self.stores))
        await asyncio.sleep(0)
        return new

    async def mode(self, wanted: str) -> None:
        """Until all are in it; who does not ask does not know."""
        await until(lambda: all(store.mode == wanted for store in self.stores))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - what other loops make true
            await asyncio.sleep(0.02)


def of(limit: int, kind: Kind = "fixed", period: str = "day") -> Subject:
    window = Window(f"1:groq#requests/{period}", "requests", period, limit, kind, zone=where_it_is_noon())
    return Subject("1:groq", "1:groq|llama", (window,))


def where_it_is_noon() -> str:
    """A zone whose day began hours ago and does not end during a test."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}"


async def ask(store: RedisStore, wanted: Subject, *, settle: bool = True) -> Grant | None:
    amounts = {window.metric: 1 for window in wanted.windows}
    answer = await store.acquire(Claim(ids.uuid7(), wanted, amounts), clock.now())
    if not isinstance(answer, Grant):
        return None
    if settle:
        await store.complete(answer, SETTLED, POLICY, clock.now())
    return answer


async def exhaust(stores: list[RedisStore], wanted: Subject) -> int:
    """Ask all of them in turn until none grants. Returns how many were granted."""
    granted = 0
    while True:
        answers = [await ask(store, wanted) for store in stores]
        granted += sum(answer is not None for answer in answers)
        if not any(answers):
            return granted


async def used(store: RedisStore, wanted: Subject) -> int:
    return (await store.view([wanted], clock.now()))[0].used[0]


async def settle_in(stores: list[RedisStore], wanted: Subject) -> None:
    """Until each has been here for so long that all know of it, and knows what is used."""
    await until(lambda: all(store.is_seasoned for store in stores))
    for store in stores:
        await store.view([wanted], clock.now())


async def until_used(store: RedisStore, wanted: Subject, count: int) -> bool:
    """Whether it comes to that: what is looked at may be a moment old."""
    looks = 0
    while (counted := await used(store, wanted)) != count and looks < PATIENCE_S / LOOK_S:
        await asyncio.sleep(LOOK_S)
        looks += 1
    assert counted == count
    return True
