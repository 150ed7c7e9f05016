"""Clients that read a stream slowly, or not at all: their upstream's call ends with the request's time, and the provider is not blamed."""

import asyncio

from apps.gateway.answering import reader
from tests.asgi import Exchange
from tests.gateway.conftest import Gateway, until


async def rest(exchange: Exchange) -> None:
    async for _ in exchange.parts():
        pass


async def is_blameless(gateway: Gateway) -> bool:
    """Whether nothing is held against the provider, nor any quota kept."""
    view = await gateway.client.chat(model="groq/ok")
    return view.status == 200 and await gateway.open_grants() == 0


async def test_one_that_stopped_holds_no_upstream_beyond_the_requests_time(gateway: Gateway):
    gateway.configure(total_timeout_s=0.5)
    gateway.add("groq", "frames_1000_5", "ok")
    exchange = gateway.client.begin_chat(model="groq/frames_1000_5", stream=True, room=3)

    await until(lambda: gateway.fake.open_connections == 1)
    await until(lambda: gateway.fake.open_connections == 0)

    assert not exchange.task.done()  # it has its own limit
    (event,) = gateway.events()
    assert (event.outcome, event.error_kind, event.upstream_status) == ("cancelled", "client_stalled", 200)
    assert 0 < event.completion_tokens < 1000
    await rest(exchange)
    *_, error, done = exchange.answer.events
    assert (error["error"]["code"], done) == ("request_timeout", "[DONE]")
    assert await is_blameless(gateway)


async def test_one_that_took_no_part_does_not_either(gateway: Gateway):
    gateway.configure(total_timeout_s=0.5)
    gateway.add("groq", "frames_1000_5")
    exchange = gateway.client.begin_chat(stream=True, room=1)

    await until(lambda: gateway.fake.open_connections == 1)
    await until(lambda: gateway.fake.open_connections == 0)

    assert [(each.outcome, each.error_kind) for each in gateway.events()] == [("cancelled", "client_stalled")]
    await rest(exchange)


async def test_one_that_reads_slowly_has_that_time_and_no_more(gateway: Gateway):
    gateway.configure(total_timeout_s=1.0)
    gateway.add("groq", "frames_1000_1", "ok")
    exchange = gateway.client.begin_chat(model="groq/frames_1000_1", stream=True, room=1)

    async for _ in exchange.parts():
        await asyncio.sleep(0.03)

    assert exchange.answer.events[-2]["error"]["code"] == "request_timeout"
    (event,) = gateway.events()
    assert (event.outcome, event.error_kind) == ("cancelled", "client_stalled")
    assert await is_blameless(gateway)


async def test_what_the_upstream_has_sent_whole_may_be_read_later(gateway: Gateway):
    gateway.configure(total_timeout_s=0.5)
    gateway.add("groq", "frames_5_1")
    exchange = gateway.client.begin_chat(stream=True, room=20)

    await until(gateway.events)
    await asyncio.sleep(0.6)
    await rest(exchange)

    assert exchange.answer.events[-1] == "[DONE]"
    assert "error" not in exchange.answer.events[-2]
    assert [event.outcome for event in gateway.events()] == ["success"]


async def test_one_that_stopped_and_is_gone_is_told_from_one_that_left(gateway: Gateway, monkeypatch):
    monkeypatch.setattr(reader, "STALLED_S", 0.1)
    gateway.add("groq", "frames_1000_5")
    exchange = gateway.client.begin_chat(stream=True, room=2)
    await until(exchange.outgoing.full)

    await asyncio.sleep(0.3)
    await exchange.leave()

    assert [event.error_kind for event in gateway.events()] == ["client_stalled"]


async def test_an_upstream_that_pauses_at_the_end_of_the_time_is_not_waited_for(gateway: Gateway):
    gateway.configure(total_timeout_s=0.5, stream_idle_timeout_s=60.0)
    gateway.add("groq", "stall_after_content")

    async with asyncio.timeout(20):
        answer = await gateway.client.chat(stream=True)

    assert answer.events[-2]["error"]["code"] == "upstream_timeout"
    assert [event.error_kind for event in gateway.events()] == ["network"]
