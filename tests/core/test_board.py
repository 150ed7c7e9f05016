"""What processes tell each other: the latest of each that lives, and nothing of those that are gone."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from apps.core.state.redis import board as boards
from apps.core.state.redis.board import RedisBoard
from apps.gateway.supervision import Loops
from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server

pytestmark = needs_server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[servers.Server]:
    with servers.running(tmp_path) as started:
        yield started


@pytest.fixture
async def three(redis: servers.Server) -> AsyncIterator[list[RedisBoard]]:
    made = [RedisBoard(redis.url) for _ in range(3)]
    yield made
    for board in made:
        await board.aclose()


async def test_each_hears_the_latest_of_all_others(three: list[RedisBoard]):
    first, second, third = three
    await first.exchange("of-a-test", b"before", 10)
    await first.exchange("of-a-test", b"one", 10)
    await second.exchange("of-a-test", b"two", 10)
    await first.exchange("another", b"else", 10)

    assert sorted(await third.exchange("of-a-test", b"three", 10)) == [b"one", b"two"]
    assert sorted(await first.exchange("of-a-test", b"", 10)) == [b"three", b"two"]


async def test_who_is_gone_is_not_heard_and_then_forgotten(
    three: list[RedisBoard], redis: servers.Server, monkeypatch: pytest.MonkeyPatch
):
    first, second, third = three
    await first.exchange("of-a-test", b"one", 10)
    now = time.time()

    monkeypatch.setattr(boards, "time", lambda: now + 5)
    silent = await second.exchange("of-a-test", b"two", 1)
    monkeypatch.setattr(boards, "time", lambda: now + 62)
    gone = await third.exchange("of-a-test", b"three", 100)

    assert (silent, sorted(gone)) == ([], [b"one", b"two"])
    assert redis.ask("HLEN", "fa1:{*}:board:of-a-test") == b":2\r\n"


async def test_a_redis_that_is_away_is_an_error_soon(three: list[RedisBoard], redis: servers.Server):
    await three[0].exchange("of-a-test", b"one", 10)
    redis.kill()

    with pytest.raises((RedisError, OSError)):
        await three[0].exchange("of-a-test", b"one", 10)


@pytest.mark.parametrize("turns", range(12))
async def test_who_tells_again_and_again_can_be_ended_at_any_moment(redis: servers.Server, turns: int):
    """In some of them a cancellation is lost in Redis' client."""
    board, loops = RedisBoard(redis.url), Loops()
    await board.exchange("of-a-test", b"one", 10)

    loops.keep("tests", partial(tell_on, board))
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await loops.stop()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    await board.aclose()


async def tell_on(board: RedisBoard) -> None:
    while True:
        await board.exchange("of-a-test", b"one", 10)
        await asyncio.sleep(0.05)
