"""Turns that are shared among tenants."""

import asyncio
import random
from collections import Counter

import pytest

from apps.core.fair_turns import FairTurns


class Work:
    """Who holds a turn, and in which order they came to it."""

    def __init__(self, most: int, each: int) -> None:
        self.turns: FairTurns[str] = FairTurns(most, each)
        self.begun: list[str] = []
        self.at_work: Counter[str] = Counter()
        self.ends: dict[str, list[asyncio.Event]] = {}

    def ask(self, tenant: str) -> "asyncio.Task[None]":
        return asyncio.create_task(self._do(tenant))

    async def _do(self, tenant: str) -> None:
        async with self.turns.turn(tenant):
            self.begun.append(tenant)
            self.at_work[tenant] += 1
            end = asyncio.Event()
            self.ends.setdefault(tenant, []).append(end)
            try:
                await end.wait()
            finally:
                self.at_work[tenant] -= 1

    async def end_one(self, tenant: str) -> None:
        self.ends[tenant].pop(0).set()
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_tenant_leaves_a_place_for_another():
    work = Work(4, 2)
    for _ in range(10):
        work.ask("greedy")
    await settle()
    assert work.at_work == {"greedy": 2}

    work.ask("modest")
    await settle()

    assert work.at_work == {"greedy": 2, "modest": 1}


async def test_what_becomes_free_goes_to_who_holds_the_fewest():
    work = Work(4, 4)
    for _ in range(10):
        work.ask("greedy")
    work.ask("modest")
    work.ask("other")
    await settle()
    assert work.at_work == {"greedy": 4}

    for _ in range(3):
        await work.end_one("greedy")

    assert work.begun[4:] == ["modest", "other", "greedy"]


@pytest.mark.parametrize("when", ["waiting", "called", "at work"])
async def test_who_leaves_gives_the_place_back(when):
    work = Work(1, 1)
    first = work.ask("a")
    await settle()
    second = work.ask("b")
    work.ask("c")
    await settle()

    if when == "waiting":
        second.cancel()
        await work.end_one("a")
    elif when == "called":
        work.ends["a"][0].set()
        for _ in range(20):  # between the call and the answer to it
            if first.done():
                break
            await asyncio.sleep(0)
        second.cancel()
        await settle()
    else:
        first.cancel()
        await settle()
        second.cancel()
        await settle()

    assert work.at_work["c"] == 1


async def test_any_mixture_keeps_its_bounds_and_ends():
    chance = random.Random(7)
    work = Work(3, 2)
    tasks = []
    for _ in range(300):
        act = chance.random()
        if act < 0.5:
            tasks.append(work.ask(chance.choice("abcd")))
        elif act < 0.7 and tasks:
            chance.choice(tasks).cancel()
        elif busy := [tenant for tenant, ends in work.ends.items() if ends]:
            work.ends[chance.choice(busy)].pop(0).set()
        await settle()
        assert sum(work.at_work.values()) <= 3
        assert max(work.at_work.values(), default=0) <= 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    again = [work.ask(tenant) for tenant in "abc"]
    await settle()
    assert sum(work.at_work.values()) == 3
    for task in again:
        task.cancel()
