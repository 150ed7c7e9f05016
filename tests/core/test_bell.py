"""The bell: who writes rings, whoever listens hears it, and Redis may be away."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.core import bell as bells
from apps.core import snapshot
from apps.core.state.redis.bell import Bell
from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[servers.Server]:
    with servers.running(tmp_path) as started:
        yield started


async def heard(rung: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await rung.wait()
    rung.clear()


@needs_server
async def test_a_ring_is_heard_by_all_and_again_when_redis_is_back(redis: servers.Server):
    first, second = asyncio.Event(), asyncio.Event()
    listening = [asyncio.create_task(Bell(redis.url).listen(each.set)) for each in (first, second)]
    for each in (first, second):
        await heard(each)  # it may have been missed before it was there

    await asyncio.to_thread(Bell(redis.url).ring)
    for each in (first, second):
        await heard(each)
    redis.kill()
    redis.start()
    for each in (first, second):
        await heard(each)

    for task in listening:
        task.cancel()
    await asyncio.wait(listening)


@needs_server
def test_a_redis_that_says_nothing_makes_writing_slow_once(redis: servers.Server):
    bell = Bell(redis.url)
    bell.ring()
    redis.stall()

    began = time.monotonic()
    for _ in range(100):
        bell.ring()

    assert time.monotonic() - began < 5.0


def test_nobody_to_ring_for_is_no_error():
    Bell("redis://127.0.0.1:1/0").ring()


@pytest.mark.django_db(transaction=True)
def test_whoever_writes_rings_when_it_is_committed(monkeypatch: pytest.MonkeyPatch):
    rings: list[int] = []
    monkeypatch.setattr(bells, "ring", lambda: rings.append(1))

    snapshot.announce("of-a-test")

    assert rings == [1]
