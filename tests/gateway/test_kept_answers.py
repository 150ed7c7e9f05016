"""Answers that are kept: for their client key, for an hour, as many as there is room for; the same in a process and in a fleet's Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.kept_answers import KEPT_S, OVERHEAD_BYTES, Answers, KeptAnswers
from apps.gateway.kept_in_redis import KeptInRedis
from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server
from tests.redis_server import REDIS_URL, forget, needs_redis, new_prefix

ANN, BEN = 1, 2
NOW = 1000.0
EACH = OVERHEAD_BYTES + 1
Steps = list[tuple[int, str, int, bool]]
Make = Callable[..., Answers]


@pytest.fixture(params=["memory", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes one with room for so many answers of a byte each."""
    made: list[KeptInRedis] = []

    def make(room: int = 10, of_one: int = 10) -> Answers:
        if request.param == "memory":
            return KeptAnswers(room * EACH, of_one * EACH)
        made.append(KeptInRedis(REDIS_URL, room * EACH, of_one * EACH, prefix=new_prefix()))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()
    if made:
        forget()


async def part(
    answers: Answers, client_id: int, name: str, number: int = 0, now: float = NOW
) -> bytes | None:
    (found,) = await answers.get(client_id, [(name, number)], now)
    return found


async def test_who_has_another_key_finds_nothing(kept: Make):
    answers = kept()
    await answers.put(ANN, "a", [b"said", b"asked"], NOW)

    assert await answers.get(ANN, [("a", 0), ("b", 0), ("a", 1)], NOW) == [b"said", None, b"asked"]
    assert await part(answers, BEN, "a") is None
    assert not await answers.drop(BEN, "a", NOW)
    assert await answers.drop(ANN, "a", NOW)
    assert await part(answers, ANN, "a") is None
    assert not await answers.drop(ANN, "a", NOW)
    assert await answers.size(NOW) == 0


async def test_after_an_hour_it_is_gone(kept: Make):
    answers = kept()
    await answers.put(ANN, "a", [b"x"], NOW)
    await answers.put(ANN, "b", [b"y"], NOW + 1)

    assert await part(answers, ANN, "a", now=NOW + KEPT_S - 0.1) == b"x"
    assert await part(answers, ANN, "a", now=NOW + KEPT_S) is None
    assert not await answers.drop(ANN, "a", NOW + KEPT_S)
    assert (await part(answers, ANN, "b"), await answers.size(NOW + KEPT_S)) == (b"y", EACH)


async def test_the_oldest_makes_room_of_its_own_key_first(kept: Make):
    answers = kept(room=3, of_one=2)
    for client, name in ((BEN, "old"), (ANN, "a"), (ANN, "b"), (ANN, "c")):
        await answers.put(client, name, [b"x"], NOW)

    assert await answers.get(ANN, [(name, 0) for name in "abc"], NOW) == [None, b"x", b"x"]
    assert await part(answers, BEN, "old") == b"x"
    await answers.put(BEN, "new", [b"x"], NOW)
    assert await part(answers, BEN, "old") is None
    assert await part(answers, BEN, "new") == b"x"


async def test_one_that_is_put_again_is_there_once(kept: Make):
    answers = kept()
    await answers.put(ANN, "a", [b"x"], NOW)
    await answers.put(ANN, "a", [b"yy", b"z"], NOW)

    assert await answers.get(ANN, [("a", 0), ("a", 1)], NOW) == [b"yy", b"z"]
    assert await answers.size(NOW) == OVERHEAD_BYTES + 3


def test_what_is_too_large_for_one_key_does_not_fit():
    answers = KeptAnswers(10 * EACH, 2 * EACH)

    assert answers.fits([b"x" * OVERHEAD_BYTES, b"x"])
    assert not answers.fits([b"x" * 3 * OVERHEAD_BYTES])


STEPS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from("abcd"), st.integers(0, 1000), st.booleans()), max_size=30
)


async def in_steps(answers: Answers, steps: Steps) -> AsyncIterator[tuple[int, list[int | None]]]:
    """What is kept in all, and of each, behind each step, ten minutes apart."""
    places = [(client, name) for client in (1, 2, 3) for name in "abcd"]
    for at, (client, name, length, is_dropped) in enumerate(steps):
        now = NOW + at * 600
        if is_dropped:
            await answers.drop(client, name, now)
        else:
            await answers.put(client, name, [b"x" * (length + 1)], now)
        found = [await part(answers, *place, now=now) for place in places]
        yield await answers.size(now), [None if one is None else len(one) for one in found]


@given(STEPS)
async def test_its_bounds_hold_whatever_comes(steps: Steps):
    async for size, lengths in in_steps(KeptAnswers(5 * EACH, 3 * EACH), steps):
        there = [length + OVERHEAD_BYTES for length in lengths if length is not None]
        assert sum(there) == size <= 5 * EACH
        for one in (0, 4, 8):
            of_one = [length + OVERHEAD_BYTES for length in lengths[one : one + 4] if length is not None]
            assert sum(of_one) <= 3 * EACH


@pytest.mark.redis
@needs_redis
@given(STEPS)
async def test_both_keep_the_same(steps: Steps):
    in_memory = KeptAnswers(5 * EACH, 3 * EACH)
    in_redis = KeptInRedis(REDIS_URL, 5 * EACH, 3 * EACH, prefix=new_prefix())
    try:
        expected = [seen async for seen in in_steps(in_memory, steps)]
        assert [seen async for seen in in_steps(in_redis, steps)] == expected
    finally:
        await in_redis.aclose()
        forget()


async def test_no_text_is_in_memory_as_it_was():
    answers = KeptAnswers()
    await answers.put(ANN, "a", [b"a very secret text, that nobody shall find"], NOW)

    (held,) = answers._all.values()

    assert all(b"secret" not in part for part in held.parts)


@pytest.mark.redis
@needs_redis
async def test_no_text_is_in_redis_as_it_was_and_everything_there_has_an_end():
    answers: Any = KeptInRedis(REDIS_URL, prefix=new_prefix())
    await answers.put(ANN, "a", [b"a very secret text, that nobody shall find"], NOW)

    keys = [key async for key in answers._redis.scan_iter(match=f"{answers._root}*")]
    held = await answers._redis.hgetall(f"{answers._root}a:{ANN}:a")
    ends = [await answers._redis.pttl(key) for key in keys]
    await answers.aclose()
    forget()

    assert len(keys) == 5 and all(0 < left <= KEPT_S * 1000 for left in ends)
    assert held[b"0"] and all(b"secret" not in raw for raw in held.values())


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[servers.Server, KeptInRedis, KeptInRedis]]:
    """Two processes, and their Redis."""
    with servers.running(tmp_path) as redis:
        both = KeptInRedis(redis.url), KeptInRedis(redis.url)
        yield redis, *both
        for each in both:
            await each.aclose()


@pytest.mark.redis
@needs_server
async def test_what_one_process_keeps_another_finds(two: tuple[servers.Server, KeptInRedis, KeptInRedis]):
    _, first, second = two
    await first.put(ANN, "a", [b"said", b"asked"], NOW)

    assert await second.get(ANN, [("a", 0), ("a", 1)], NOW) == [b"said", b"asked"]
    assert await second.drop(ANN, "a", NOW)
    assert await part(first, ANN, "a") is None


@pytest.mark.redis
@needs_server
@pytest.mark.parametrize("fault", ["kill", "stall"])
async def test_without_redis_each_keeps_for_itself(
    two: tuple[servers.Server, KeptInRedis, KeptInRedis], fault: str, monkeypatch: pytest.MonkeyPatch
):
    redis, first, second = two
    await first.put(ANN, "before", [b"x"], NOW)
    getattr(redis, fault)()

    async with asyncio.timeout(20):
        await first.put(ANN, "a", [b"y"], NOW)
        found = [await part(each, ANN, name) for each in two[1:] for name in ("before", "a")]
        if fault == "kill":
            redis.start()
        redis.go_on()
        while not await second.size(NOW) and fault == "stall":  # noqa: ASYNC110 - it is asked again a second later
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.1)
        await first.put(ANN, "b", [b"z"], NOW)

    assert found == [None, b"y", None, None]
    assert (await part(first, ANN, "a"), await part(second, ANN, "b")) == (b"y", b"z")
    assert await part(second, ANN, "before") == (b"x" if fault == "stall" else None)
