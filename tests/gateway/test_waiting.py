"""Requests that wait for quota that comes back in time."""

import asyncio

import pytest

from apps.gateway import runtime
from apps.gateway.answering import stream
from apps.gateway.attempts import waiting
from apps.providers.limits import Limit
from tests.asgi import chat_body
from tests.gateway.conftest import Gateway, until

ONE_A_SECOND = (Limit("requests", "second", 1),)
ONE_A_DAY = (Limit("requests", "day", 1),)


@pytest.fixture
def spaced(gateway: Gateway) -> Gateway:
    gateway.add("groq", "llama", limits=ONE_A_SECOND)
    return gateway


async def ask(gateway: Gateway, wait: str | None = None):
    headers = {} if wait is None else {"x-freeai-max-wait": wait}
    return await gateway.client.request("POST", "/v1/chat/completions", chat_body(), headers=headers)


async def test_a_request_waits_for_the_next_slot_and_says_so(spaced: Gateway) -> None:
    spaced.configure(max_wait_s=2.0)

    first, second = await ask(spaced), await ask(spaced)

    assert (first.status, second.status) == (200, 200)
    assert "x-freeai-waited-ms" not in first.headers
    assert 500 <= int(second.headers["x-freeai-waited-ms"]) <= 2000


async def test_nobody_waits_where_the_operator_says_so(spaced: Gateway) -> None:
    spaced.configure(max_wait_s=0.0)

    assert [(await ask(spaced)).status for _ in range(2)] == [200, 429]


async def test_a_request_says_itself_how_long_it_waits(spaced: Gateway) -> None:
    spaced.configure(max_wait_s=0.0)
    await ask(spaced)

    assert (await ask(spaced, "3")).status == 200
    spaced.configure(max_wait_s=2.0)
    assert (await ask(spaced, "0")).status == 429


async def test_what_does_not_come_in_time_is_refused_at_once(gateway: Gateway) -> None:
    gateway.add("groq", "llama", limits=ONE_A_DAY)
    await ask(gateway)

    async with asyncio.timeout(1.0):
        assert (await ask(gateway, "300")).status == 429


async def test_who_finds_no_room_to_wait_is_refused_at_once(
    spaced: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_WAITING", 0)
    await ask(spaced)

    assert (await ask(spaced, "3")).status == 429


async def test_who_leaves_gives_the_place_back(spaced: Gateway) -> None:
    spaced.configure(max_wait_s=2.0)
    await ask(spaced)
    room = runtime.current().waiting_room
    waits = spaced.client.begin_chat()
    await until(lambda: room.taken == 1)

    await waits.leave()

    await until(lambda: room.taken == 0)
    assert len(spaced.events()) == 1


@pytest.mark.parametrize("asked", ["", "-1", "1.5", "301", "soon", "\xb2"])
async def test_a_wait_that_is_none_is_an_error_that_names_the_header(spaced: Gateway, asked: str) -> None:
    refused = await ask(spaced, asked)

    assert (refused.status, refused.error["param"]) == (400, "x-freeai-max-wait")


async def test_a_stream_that_waits_is_kept_alive_by_comments(
    spaced: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "QUIET_S", 0.1)
    monkeypatch.setattr(stream, "COMMENT_INTERVAL_S", 0.1)
    await ask(spaced)

    answer = await spaced.client.request(
        "POST", "/v1/chat/completions", chat_body(stream=True), headers={"x-freeai-max-wait": "3"}
    )

    comments, _, rest = answer.body.partition(b"data: ")
    assert answer.status == 200
    assert comments.count(b": keep-alive\n\n") >= 3
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_a_stream_that_waits_in_vain_ends_in_an_error_that_says_so(
    spaced: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "QUIET_S", 0.05)
    monkeypatch.setattr(stream, "COMMENT_INTERVAL_S", 0.05)
    first, second, third = await asyncio.gather(
        *(
            spaced.client.request(
                "POST", "/v1/chat/completions", chat_body(stream=True), headers={"x-freeai-max-wait": "2"}
            )
            for _ in range(3)
        )
    )

    bodies = [answer.body for answer in (first, second, third)]
    assert sum(b"quota_exhausted" in body for body in bodies) == 1
    assert sum(body.endswith(b"data: [DONE]\n\n") and b"quota" not in body for body in bodies) == 2
