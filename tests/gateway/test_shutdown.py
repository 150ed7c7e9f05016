"""The gateway stops while requests are open: each ends with one error, and the ledger says why. And what is counted of open requests."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from apps.gateway.answering import stream as streaming
from apps.gateway.edge import disconnects
from tests.asgi import Answer, Exchange
from tests.edges import BOTH
from tests.gateway.conftest import Gateway, until

pytestmark = BOTH

ROUTE = "v1/chat/completions"


async def stopped(gateway: Gateway, exchange: Exchange) -> Answer:
    """The whole answer of a request that the gateway ends."""
    gateway.runtime.stopping = True
    disconnects.interrupt_all()
    async for _ in exchange.parts():
        pass
    await asyncio.wait_for(exchange.task, 2)
    return exchange.answer


async def test_a_stream_ends_with_one_error_frame(gateway: Gateway):
    gateway.add("groq", "frames_500_10")
    exchange = gateway.client.begin_chat(stream=True)
    parts = exchange.parts()
    for _ in range(3):
        await anext(parts)

    answer = await stopped(gateway, exchange)

    assert answer.events[-1] == "[DONE]"
    (error,) = [event["error"] for event in answer.events[:-1] if "error" in event]
    assert error["code"] == "shutting_down"
    assert error["message"].endswith("Please try again later.")
    (event,) = gateway.events()
    assert (event.outcome, event.error_kind, event.upstream_status) == ("cancelled", "shutdown", 200)
    assert event.completion_tokens > 0
    await until(lambda: gateway.fake.open_connections == 0)
    assert await gateway.open_grants() == 0


async def test_a_quiet_stream_too(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    gateway.add("groq", "stall")
    exchange = gateway.client.begin_chat(stream=True)
    await anext(exchange.parts())

    answer = await stopped(gateway, exchange)

    assert (answer.events[0]["error"]["code"], answer.events[-1]) == ("shutting_down", "[DONE]")
    assert [event.error_kind for event in gateway.events()] == ["shutdown"]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_has_not_begun_is_a_503(gateway: Gateway, stream: bool):
    gateway.add("groq", "stall_headers")
    exchange = gateway.client.begin_chat(stream=stream)
    await until(lambda: gateway.fake.open_connections == 1)

    answer = await stopped(gateway, exchange)

    assert (answer.status, answer.error["code"]) == (503, "shutting_down")
    assert int(answer.headers["retry-after"]) > 0
    (event,) = gateway.events()
    assert (event.outcome, event.error_kind, event.upstream_status) == ("cancelled", "shutdown", None)


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_an_open_stream_is_in_flight_until_its_last_byte(gateway: Gateway):
    gateway.add("groq", "frames_20_20")
    flying, counted = sample("freeai_requests_in_flight"), answers()
    exchange = gateway.client.begin_chat(stream=True)
    parts = exchange.parts()
    await anext(parts)
    during = (sample("freeai_requests_in_flight") - flying, answers() - counted)

    seconds = sample("freeai_http_request_duration_seconds_sum", route=ROUTE)
    async for _ in parts:
        pass
    await exchange.task

    after = (sample("freeai_requests_in_flight") - flying, answers() - counted)
    assert (during, after) == ((1, 0), (0, 1))
    assert sample("freeai_http_request_duration_seconds_sum", route=ROUTE) - seconds > 0.2


@pytest.mark.parametrize(("stream", "first_bytes"), [(False, 0), (True, 1)])
async def test_the_first_byte_is_that_of_streams(gateway: Gateway, stream: bool, first_bytes: int):
    gateway.add("groq", "ok")
    before = sample("freeai_provider_first_byte_seconds_count", provider="groq")

    await gateway.client.chat(stream=stream)

    assert sample("freeai_provider_first_byte_seconds_count", provider="groq") - before == first_bytes
    assert (gateway.events()[0].ttfb_ms is not None) is stream


def answers() -> float:
    return sample("freeai_http_requests_total", route=ROUTE, method="POST", status="200")
