"""Redis stops, stalls, is emptied, comes back with nothing: no request that has quota fails, and no limit is exceeded in sum."""

import asyncio
import gc
from collections.abc import Awaitable

import pytest

from apps.core import clock
from apps.core.state.contract import (
    Block,
    Completion,
    Kind,
    PastUsage,
    Subject,
    Window,
)
from apps.core.state.keys import CONCURRENCY
from apps.core.state.redis.member import UnreachableError
from apps.core.state.redis.store import RedisStore
from tests.core.fleet.servers import Server, needs_server
from tests.core.fleet.stores import (
    LOOK_S,
    PATIENCE_S,
    POLICY,
    SETTLED,
    Fleet,
    Ledger,
    ask,
    exhaust,
    of,
    settle_in,
    until,
    until_used,
    used,
)

pytestmark = [pytest.mark.redis, needs_server]


@pytest.mark.parametrize("kind", ["fixed", "rolling", "bucket", "first_use"])
@pytest.mark.parametrize("limit", [5, 31])
async def test_shares_of_what_was_left_come_to_what_was_left(
    server: Server, fleet: Fleet, limit: int, kind: Kind
) -> None:
    stores, wanted = await fleet.join(4), of(limit, kind)
    for _ in range(3):
        assert await ask(stores[0], wanted)
    await settle_in(stores, wanted)

    server.kill()

    assert await exhaust(stores, wanted) == limit - 3
    assert {store.mode for store in stores} == {"away"}


async def test_a_request_that_redis_leaves_without_an_answer_is_served(server: Server, fleet: Fleet) -> None:
    stores, wanted = await fleet.join(2), of(1000)
    await settle_in(stores, wanted)

    server.stall()
    answers = await asyncio.gather(*(ask(store, wanted) for store in stores for _ in range(50)))
    server.go_on()
    await fleet.mode("redis")

    assert all(answers)
    assert await until_used(stores[0], wanted, 100)


async def test_what_was_granted_meanwhile_counts_for_all_when_redis_is_back(
    server: Server, fleet: Fleet
) -> None:
    stores, wanted = await fleet.join(3), of(1000)
    await settle_in(stores, wanted)
    server.stall()
    before = [await ask(store, wanted, settle=False) for store in stores]
    for store in stores:
        for _ in range(7):
            assert await ask(store, wanted)

    server.go_on()
    await fleet.mode("redis")

    assert await until_used(stores[0], wanted, 24)
    for store, grant in zip(stores, before, strict=True):
        assert grant is not None
        await store.complete(grant, Completion(health="neutral", spent={"requests": 0}), POLICY, clock.now())
    assert await until_used(stores[0], wanted, 21)


async def test_a_redis_that_starts_empty_is_rebuilt_from_what_all_know(server: Server, fleet: Fleet) -> None:
    wanted = of(200)
    earlier = PastUsage(wanted.windows, clock.now() - 1, {"requests": 11})
    fleet.ledger.past = [earlier]
    stores = await fleet.join(4)
    for store in stores:
        for _ in range(5):
            assert await ask(store, wanted)
    open_grant = await ask(stores[1], wanted, settle=False)
    await settle_in(stores, wanted)
    fleet.ledger.past = [PastUsage(wanted.windows, clock.now() - 3600, {"requests": 11})]

    server.kill()
    server.start()
    assert await ask(stores[0], wanted)
    await fleet.mode("redis")

    assert await until_used(stores[2], wanted, 11 + 20 + 1 + 1)
    assert open_grant is not None
    await stores[1].complete(open_grant, SETTLED, POLICY, clock.now())
    assert await exhaust(stores, wanted) == 200 - 33


async def test_a_redis_that_is_emptied_while_it_runs_gives_nothing_twice(
    server: Server, fleet: Fleet
) -> None:
    stores, wanted = await fleet.join(4), of(400)
    await settle_in(stores, wanted)
    granted, is_over = 0, False

    async def call(store: RedisStore) -> None:
        nonlocal granted
        while not is_over and granted < 390:
            answer = await ask(store, wanted)
            granted += answer is not None
            await asyncio.sleep(0.01)

    calls = [asyncio.create_task(call(store)) for store in stores for _ in range(3)]
    await until(lambda: granted > 60)
    server.ask("FLUSHALL")
    await until(lambda: granted > 180)
    await fleet.mode("redis")
    is_over = True
    await asyncio.gather(*calls)

    assert granted + await exhaust(stores, wanted) == 400


async def test_whatever_becomes_of_redis_no_request_fails_that_has_quota(
    server: Server, fleet: Fleet
) -> None:
    stores, wanted = await fleet.join(3), of(1_000_000)
    await settle_in(stores, wanted)
    answers: list[bool] = []
    is_over = False

    async def call(store: RedisStore) -> None:
        while not is_over:
            answers.append(await ask(store, wanted) is not None)
            await asyncio.sleep(0.01)

    calls = [asyncio.create_task(call(store)) for store in stores for _ in range(3)]
    for spoil, mend in (
        (server.stall, server.go_on),
        (server.kill, server.start),
        (lambda: server.ask("FLUSHALL"), lambda: None),
    ):
        served = len(answers)
        spoil()
        await until(lambda: all(store.mode == "away" for store in stores))
        await until(lambda start=served: len(answers) > start + 50)
        mend()
        await fleet.mode("redis")
        await settle_in(stores, wanted)
    is_over = True
    await asyncio.gather(*calls)

    assert all(answers)
    looks = 0
    while (counted := await used(stores[0], wanted)) < len(answers) and looks < PATIENCE_S / LOOK_S:
        await asyncio.sleep(LOOK_S)
        looks += 1
    assert counted >= len(answers)


async def test_blocks_outlive_a_redis_that_is_emptied(server: Server, fleet: Fleet) -> None:
    [store], wanted = await fleet.join(1), of(10)
    grant = await ask(store, wanted, settle=False)
    assert grant is not None
    block = Block("1:groq", clock.now() + 900, "quarantine", "Why.", clock.now())
    await store.complete(grant, Completion(health="neutral", blocks=(block,)), POLICY, clock.now())
    await store.view([wanted], clock.now())

    server.ask("FLUSHALL")
    await until(lambda: store.mode == "away")
    await fleet.mode("redis")

    assert (await store.view([wanted], clock.now()))[0].reason == "quarantine"


async def test_an_old_snapshot_gives_nothing_back(server: Server, fleet: Fleet) -> None:
    stores, wanted = await fleet.join(2), of(60)
    for _ in range(5):
        assert await ask(stores[0], wanted)
    await settle_in(stores, wanted)
    server.save()
    for store in stores:
        for _ in range(10):
            assert await ask(store, wanted)
    await settle_in(stores, wanted)

    server.kill()
    server.start()
    await until(lambda: all(store.mode == "away" for store in stores))
    await fleet.mode("redis")

    assert await exhaust(stores, wanted) == 60 - 25


async def test_what_was_closed_and_opened_meanwhile_is_so_for_all(server: Server, fleet: Fleet) -> None:
    stores = await fleet.join(2)
    here, there = of(10), Subject("1:other", "1:other|m")
    for wanted in (here, there):
        for store in stores:
            await store.view([wanted], clock.now())
    grant = await ask(stores[0], there, settle=False)
    assert grant is not None
    closed = Block("1:other", clock.now() + 900, "quarantine", "Why.", clock.now())
    await stores[0].complete(grant, Completion(health="neutral", blocks=(closed,)), POLICY, clock.now())
    await until(lambda: all(store.is_seasoned for store in stores))

    server.stall()
    grant = await ask(stores[0], here, settle=False)
    assert grant is not None
    block = Block("1:groq", clock.now() + 900, "quarantine", "Why.", clock.now())
    await stores[0].complete(grant, Completion(health="neutral", blocks=(block,)), POLICY, clock.now())
    await stores[0].reset("1:other", clock.now())
    server.go_on()
    await fleet.mode("redis")

    await until_reason(stores[1], here, "quarantine")
    await until_reason(stores[1], there, None)


async def until_reason(store: RedisStore, wanted: Subject, reason: str | None) -> None:
    """Wait for it: what is looked at may be a moment old."""
    async with asyncio.timeout(PATIENCE_S):
        while (await store.view([wanted], clock.now()))[0].reason != reason:  # noqa: ASYNC110 - others write it
            await asyncio.sleep(LOOK_S)


async def test_calls_at_a_time_of_a_process_that_died_come_back(
    server: Server, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.core.state.redis.store.LEASE_S", 2.0)
    window = Window("1:groq#concurrency/now", CONCURRENCY, "now", 1)
    wanted = Subject("1:groq", "1:groq|llama", (window,))
    [alive] = await fleet.join(1)
    died = RedisStore(server.url, deadline_s=5.0, gather_s=0.05)
    assert await ask(died, wanted, settle=False)

    assert await ask(alive, wanted) is None
    async with asyncio.timeout(PATIENCE_S):
        while await ask(alive, wanted) is None:  # noqa: ASYNC110 - time makes it true
            await asyncio.sleep(LOOK_S)
    await died.aclose()


async def test_what_nobody_waits_for_is_no_error_without_redis(server: Server, fleet: Fleet) -> None:
    [store] = await fleet.join(1)
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    link = store._member.connected().link

    server.kill()
    link.call("PING")
    await until(lambda: not link.is_open)
    link.call("PING")
    gc.collect()

    assert told == []


async def test_without_redis_a_start_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.state.redis.member.START_PATIENCE_S", 0.0)
    server.kill()
    store = RedisStore(server.url)

    with pytest.raises(UnreachableError, match="FREEAI_STATE"):
        await store.restore(Ledger().read, clock.now())
    await store.aclose()


async def test_calls_at_a_time_are_given_back_after_an_outage(server: Server, fleet: Fleet) -> None:
    stores = await fleet.join(2)
    window = Window("1:groq#concurrency/now", CONCURRENCY, "now", 6)
    wanted = Subject("1:groq", "1:groq|llama", (window,))
    await settle_in(stores, wanted)
    first = await ask(stores[0], wanted, settle=False)
    await stores[1].view([wanted], clock.now())

    server.stall()
    second = await ask(stores[1], wanted, settle=False)
    assert first is not None and second is not None
    await stores[0].complete(first, SETTLED, POLICY, clock.now())
    server.go_on()
    await fleet.mode("redis")

    assert await until_used(stores[0], wanted, 1)
    await stores[1].complete(second, SETTLED, POLICY, clock.now())
    assert await until_used(stores[0], wanted, 0)


async def test_of_what_nobody_has_looked_at_the_ledger_tells(server: Server, fleet: Fleet) -> None:
    stores, wanted = await fleet.join(2), of(100)
    await settle_in(stores, of(7, period="month"))
    fleet.ledger.past = [PastUsage(wanted.windows, clock.now() - 60, {"requests": 40})]

    server.kill()

    assert await exhaust(stores, wanted) == 60


async def test_limits_of_client_keys_are_shared_too(server: Server, fleet: Fleet) -> None:
    stores = await fleet.join(4)
    windows = (Window("1:client:7#requests/day", "requests", "day", 100),)
    for store in stores:
        for _ in range(5):
            assert isinstance(await store.take(windows, {"requests": 1}, clock.now()), tuple)
    await until(lambda: all(store.is_seasoned for store in stores))

    server.stall()
    granted = 0
    for _ in range(30):
        for store in stores:
            granted += isinstance(await store.take(windows, {"requests": 1}, clock.now()), tuple)
    server.go_on()
    await fleet.mode("redis")

    assert granted == 80
    [reading] = await stores[0].read(windows, clock.now())
    assert 100 <= reading.used <= 104  # what was asked and never answered stays taken


async def test_the_ledger_is_read_once_by_a_fleet_that_starts_together(fleet: Fleet) -> None:
    wanted = of(100)
    fleet.ledger.past = [PastUsage(wanted.windows, clock.now() - 1, {"requests": 40})]
    stores = [RedisStore(fleet.url, deadline_s=5.0, gather_s=0.05) for _ in range(6)]
    fleet.stores = stores

    start: list[Awaitable[None]] = [store.restore(fleet.ledger.read, clock.now()) for store in stores]
    await asyncio.gather(*start)

    assert len(fleet.ledger.asked) == 1
    assert await exhaust(stores, wanted) == 60
