"""What the bodies of requests under way hold, for each user and in all."""

import asyncio
import threading

import pytest

from apps.core import heap, site_bodies
from apps.core.json_types import JSONObject
from apps.gateway.attempts import waiting
from apps.gateway.edge import held_bodies
from apps.gateway.wire import body as body_wire
from tests.asgi import chat_body
from tests.gateway.conftest import Gateway

MIB = 1024 * 1024


@pytest.fixture
def slow(gateway: Gateway, settings) -> Gateway:
    """One provider never answers, another at once; room for eight MiB of bodies."""
    settings.FREEAI_MAX_BODY_BYTES = 2 * MIB
    settings.FREEAI_MAX_HELD_BODY_BYTES = 8 * MIB
    gateway.add("groq", "stall_headers", context_window=10_000_000)
    gateway.add("mistral", "ok", context_window=10_000_000)
    return gateway


def large(mib: float) -> list[dict[str, str]]:
    return [{"role": "user", "content": "a" * int(mib * MIB)}]


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - of a gateway that tells nobody
            await asyncio.sleep(0.005)


async def test_a_user_holds_half_at_most_and_small_requests_pass(slow: Gateway):
    under_way = [slow.client.begin_chat(preferred_provider="groq", messages=large(1.3)) for _ in range(3)]
    await until(lambda: held_bodies.ROOM.taken > 3.8 * MIB)

    refused = await slow.client.chat(messages=large(1.3))

    assert (refused.status, refused.error["code"]) == (429, "too_many_bodies")
    assert refused.headers["retry-after"] == "5"
    small = await slow.client.chat(preferred_provider="mistral", messages=large(0.01))
    assert small.status == 200
    for each in under_way:
        await each.leave()
    await until(lambda: held_bodies.ROOM.taken == 0)


async def test_where_all_is_taken_it_is_nobodys_fault(slow: Gateway):
    for other in (-1, -2, -3):
        while held_bodies.ROOM.take(other, MIB // 4):
            pass
    taken = held_bodies.ROOM.taken
    try:
        refused = await slow.client.chat(messages=large(1.5))
    finally:
        for other in (-1, -2, -3):
            held_bodies.ROOM.give_back(other, held_bodies.ROOM._held[other])

    assert taken < 8 * MIB
    assert (refused.status, refused.error["code"]) == (503, "no_room_for_bodies")
    assert held_bodies.ROOM.taken == 0


async def test_what_was_refused_or_answered_holds_nothing(slow: Gateway):
    body = chat_body(messages=large(1)) + b"!"

    assert (await slow.client.request("POST", "/v1/chat/completions", body)).status == 400
    assert held_bodies.ROOM.taken == 0


def test_no_user_has_all_places_to_wait():
    room = waiting.Room()
    held = []
    for _ in range(waiting.MOST_WAITING):
        place = room.place(1)
        if not place.__enter__():
            break
        held.append(place)

    with room.place(2) as others:
        assert others
    assert len(held) == waiting.MOST_WAITING // 2


async def test_bodies_of_the_site_are_bounded_by_sender(settings, monkeypatch):
    settings.FREEAI_MAX_SITE_BODY_BYTES = MIB
    monkeypatch.setattr(site_bodies, "MOST_HELD", 2)
    release = asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await release.wait()

    async def ask(sender: str, size: int) -> int:
        status = 0

        async def receive():
            return {"type": "http.request", "body": b"a" * size}

        async def send(message):
            nonlocal status
            status = message.get("status", status)

        await site_bodies.bounded(application)({"headers": [], "client": (sender, 1)}, receive, send)
        return status

    first = asyncio.create_task(ask("a", MIB))
    await until(lambda: site_bodies.ROOM.taken == MIB)

    assert await ask("a", MIB // 4) == 503
    small, other = asyncio.create_task(ask("a", 1_000)), asyncio.create_task(ask("b", MIB // 4))
    await until(lambda: site_bodies.ROOM.taken == MIB + MIB // 4)
    release.set()
    assert list(await asyncio.gather(first, small, other)) == [0, 0, 0]
    assert site_bodies.ROOM.taken == 0


@pytest.mark.parametrize(("mib", "in_loop"), [(0.05, True), (1.5, False)])
async def test_a_large_body_is_not_parsed_in_the_loop(slow: Gateway, monkeypatch, mib: float, in_loop: bool):
    where: list[int] = []

    def look(body: bytes) -> JSONObject:
        where.append(threading.get_ident())
        return body_wire.decode(body)

    monkeypatch.setattr("apps.gateway.endpoints.chat.wire.request.decode", look)
    exchange = slow.client.begin_chat(messages=large(mib))
    await until(lambda: where)
    await exchange.leave()

    assert [each == threading.get_ident() for each in where] == [in_loop]


async def test_the_heap_is_looked_through_once_behind_large_bodies(monkeypatch):
    looks: list[int] = []
    monkeypatch.setattr(heap, "TRIM_S", 0.01)
    monkeypatch.setattr(heap.TRIMMING, "_trim", looks.append)
    monkeypatch.setattr(
        heap.TRIMMING, "_due", False
    )  # the moment that an earlier test waited for ended with its loop
    held_bodies.hold(1, 3 * held_bodies.TRIMMED_BYTES)

    held_bodies.let_go(1, held_bodies.TRIMMED_BYTES - 1)
    await asyncio.sleep(0.05)
    assert looks == []
    held_bodies.let_go(1, held_bodies.TRIMMED_BYTES)
    held_bodies.let_go(1, held_bodies.TRIMMED_BYTES + 1)
    await until(lambda: looks)
    await asyncio.sleep(0.05)

    assert looks == [0]
    assert held_bodies.ROOM.taken == 0
