"""No limit is exceeded in sum where Redis goes with what it knew: neither by what was taken in its last moments, nor by what a process took
that died shortly before."""

import asyncio
import json
import signal
import sys

import pytest

from apps.core.state.contract import Kind
from apps.core.state.redis.store import RedisStore
from tests.core.fleet.servers import Server, needs_server
from tests.core.fleet.stores import Fleet, ask, exhaust, of, settle_in, until_used

pytestmark = [pytest.mark.redis, needs_server]

TAKEN = 20


async def take_and_die(url: str, kind: Kind) -> None:
    """A process of the fleet takes TAKEN of the account's requests, says so, and is killed."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.core.fleet.callers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None and child.stdout is not None
    asked = {"url": url, "prefix": "fa1", "deadline_s": 1.0, "lasts_s": 20.0, "callers": 1}
    asked |= {"limit": TAKEN, "kinds": {"day": kind}}
    child.stdin.write(json.dumps(asked).encode() + b"\n\n")
    assert await child.stdout.readline() == b"ready\n"
    assert json.loads(await child.stdout.readline())["granted"] == TAKEN
    child.send_signal(signal.SIGKILL)
    await child.wait()


@pytest.mark.parametrize("kind", ["rolling", "bucket", "first_use"])
async def test_what_a_process_took_that_died_is_known_to_those_that_live(
    server: Server, fleet: Fleet, kind: Kind
) -> None:
    stores, wanted = await fleet.join(3), of(200, kind)
    await take_and_die(server.url, kind)
    for store in stores:
        assert await ask(store, wanted)
    await settle_in(stores, wanted)

    server.kill()
    meanwhile = [await ask(store, wanted) for store in stores for _ in range(2)]
    server.start()
    await fleet.mode("redis")

    assert all(meanwhile)
    assert await until_used(stores[1], wanted, TAKEN + 3 + 6)
    assert await exhaust(stores, wanted) == 200 - TAKEN - 3 - 6


@pytest.mark.parametrize("left", range(1, 8))
async def test_what_others_took_in_its_last_moments_is_not_there_to_be_shared(
    server: Server, fleet: Fleet, left: int
) -> None:
    stores, limit = await fleet.join(2), 120
    wanted = of(limit)
    await settle_in(stores, wanted)
    granted = 0

    async def call(store: RedisStore) -> None:
        nonlocal granted
        while granted < limit - left:
            was_granted = await ask(store, wanted) is not None
            granted += was_granted
            await asyncio.sleep(0.02)

    await asyncio.gather(*map(call, stores))
    server.kill()

    assert granted + await exhaust(stores, wanted) <= limit


async def test_what_is_seen_after_an_outage_is_no_pace(server: Server, fleet: Fleet) -> None:
    stores, limit = await fleet.join(2), 400
    wanted = of(limit)
    await settle_in(stores, wanted)
    server.kill()
    for _ in range(100):
        assert await ask(stores[0], wanted)
    server.start()
    await fleet.mode("redis")
    await until_used(stores[1], wanted, 100)

    server.kill()

    for store in stores:
        assert await ask(store, wanted)
    assert await exhaust(stores, wanted) == limit - 100 - 2
