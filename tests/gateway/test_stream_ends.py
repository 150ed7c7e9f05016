"""Where an answer ends: what is complete is complete though its body has no end, its connection serves again, and nobody waits for ever
for an answer that does not begin or go on."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from apps.gateway.answering import chunks
from apps.providers import open_answer
from apps.providers.types import Preset
from tests.edges import BOTH
from tests.gateway.conftest import Gateway, until
from tests.gateway.scripted import (
    COMMENT,
    DONE,
    END,
    EVENTS,
    STOP,
    WHOLE,
    Scripted,
    Step,
    answered,
    chunk,
    frames,
    scripted_upstream,
    streamed,
    text,
)

pytestmark = BOTH

USAGE = frames({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
FAILURE = frames({"error": {"message": "The connection was closed.", "code": 500}})
GEMINI = frames(
    {"candidates": [{"index": 0, "content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
)
COHERE = frames(
    {"type": "content-delta", "delta": {"message": {"content": {"text": "Hi"}}}},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
)
ANSWER = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n"
LIMITED = chunk(orjson.dumps({"error": {"message": "Too many requests.", "code": "rate_limit_exceeded"}}))


@pytest.fixture(params=["own", "aiohttp"], autouse=True)
def engine(request, settings) -> None:
    """Before there is a gateway: both keep the contract."""
    settings.FREEAI_HTTP_ENGINE = request.param


@pytest.fixture
async def upstream() -> AsyncIterator[Scripted]:
    async with scripted_upstream() as made:
        yield made


@pytest.fixture
def groq(gateway: Gateway, upstream: Scripted, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway whose first provider is the scripted upstream; the second one is healthy."""
    monkeypatch.setattr(chunks, "TAIL_S", 0.2)
    monkeypatch.setattr(open_answer, "TAIL_S", 0.2)
    monkeypatch.setattr(open_answer, "REFUSAL_S", 0.3)
    gateway.configure(circuit_breaker_threshold=1)
    gateway.add("groq", base_url=upstream.url, capabilities={"n", "tools"})
    gateway.add("mistral", "ok")
    return gateway


def speak(gateway: Gateway, upstream: Scripted, wire: Any) -> None:
    """Make the scripted upstream the only one, on another wire."""
    gateway.providers.clear()
    gateway.accounts.clear()
    gateway.add("groq", base_url=upstream.url, preset=Preset(wire=wire))


def repeated(filler: bytes) -> list[Step]:
    """For five seconds, again and again."""
    return [chunk(filler), 0.05] * 100


UNENDED: list[tuple[Step, ...]] = [
    (EVENTS + chunk(text("Hi") + STOP + DONE), "hold"),
    (EVENTS + chunk(text("Hi") + STOP + DONE), "close"),
    (EVENTS + chunk(text("Hi")), 0.01, chunk(STOP + USAGE + DONE), "hold"),
    (EVENTS + chunk(text("Hi") + STOP + DONE + FAILURE), "hold"),
    (EVENTS + chunk(text("Hi") + STOP + DONE + text("!")), "close"),
    (EVENTS + chunk(text("Hi") + STOP), "close"),
    (EVENTS + chunk(text("Hi") + STOP), "hold"),
    (EVENTS + chunk(text("Hi") + STOP + DONE.rstrip()), "hold"),
    (EVENTS + chunk(text("Hi") + STOP + USAGE[:40]), "close"),
    (EVENTS + chunk(text("Hi") + STOP + USAGE), 0.01, b"5\r\nda", "close"),
    (WHOLE + chunk(orjson.dumps(ANSWER)), "close"),
    (WHOLE + chunk(orjson.dumps(ANSWER)), "hold"),
]


@pytest.mark.parametrize("steps", UNENDED)
async def test_a_complete_stream_needs_no_end(groq: Gateway, upstream: Scripted, steps: tuple[Step, ...]):
    upstream.steps = steps

    answer = await groq.client.chat(stream=True)

    assert [event for event in answer.events if "error" in event] == []
    assert (answer.text, answer.events[-1]) == ("Hi", "[DONE]")
    (event,) = groq.events()
    assert (event.outcome, event.upstream_status) == ("success", 200)
    assert (await groq.client.chat(stream=True)).headers["x-freeai-provider"] == "groq"


@pytest.mark.parametrize("last", ["hold", "close"])
@pytest.mark.parametrize(("wire", "body"), [("gemini", GEMINI), ("cohere", COHERE)])
async def test_on_every_wire(groq: Gateway, upstream: Scripted, wire: str, body: bytes, last: Step):
    speak(groq, upstream, wire)
    upstream.steps = (EVENTS + chunk(body), last)

    answer = await groq.client.chat(stream=True)

    assert (answer.text, answer.events[-1], groq.events()[0].outcome) == ("Hi", "[DONE]", "success")


@pytest.mark.parametrize("last", ["hold", "close"])
async def test_a_complete_whole_answer_needs_no_end(groq: Gateway, upstream: Scripted, last: Step):
    upstream.steps = (WHOLE + chunk(orjson.dumps(ANSWER)), last)

    answer = await groq.client.chat()

    assert (answer.status, answer.json["provider"]) == (200, "groq")


async def test_a_slow_whole_answer_is_not_taken_for_complete(groq: Gateway, upstream: Scripted):
    whole = orjson.dumps({"choices": [{"message": {"content": "{} and more"}}]})
    cut = whole.index(b"}") + 1
    upstream.steps = (WHOLE + chunk(whole[:cut]), 0.5, chunk(whole[cut:]), END)

    answer = await groq.client.chat()

    assert answer.json["choices"][0]["message"]["content"] == "{} and more"


@pytest.mark.parametrize("last", ["hold", "close"])
@pytest.mark.parametrize("body", [LIMITED, LIMITED[:30], b""])
async def test_a_refusal_needs_no_end(groq: Gateway, upstream: Scripted, body: bytes, last: Step):
    upstream.steps = (REFUSAL + body, last)

    answer = await groq.client.chat()

    assert (answer.status, answer.json["provider"]) == (200, "mistral")
    refused = groq.events()[0]
    assert (refused.error_kind, refused.upstream_status) == ("rate_limited", 429)


@pytest.mark.parametrize("last", ["hold", "close"])
async def test_one_of_two_answers_is_not_complete(groq: Gateway, upstream: Scripted, last: Step):
    groq.configure(stream_idle_timeout_s=0.4)
    upstream.steps = (EVENTS + chunk(text("Hi") + STOP), last)

    answer = await groq.client.chat(stream=True, n=2)

    assert answer.events[-2]["error"]["provider"] == "groq"


@pytest.mark.parametrize(
    "steps",
    [
        streamed(text("Hi"), STOP, DONE),
        (EVENTS, chunk(text("Hi") + STOP + DONE), 0.02, END),
        (EVENTS, chunk(text("Hi") + STOP + DONE), 0.02, chunk(b": bye\n\n"), END),
        streamed(text("Hi"), STOP),
        (WHOLE, chunk(orjson.dumps(ANSWER)), 0.02, END),
    ],
)
async def test_twenty_streams_share_a_connection(groq: Gateway, upstream: Scripted, steps: tuple[Step, ...]):
    upstream.steps = steps

    for _ in range(20):
        assert (await groq.client.chat(stream=True)).text == "Hi"
        await asyncio.sleep(0.03)

    assert (len(upstream.requests), upstream.connections) == (20, 1)


@pytest.mark.parametrize(
    "steps",
    [
        answered({"error": {"message": "Too many requests."}}, b"429 Too Many Requests"),
        (REFUSAL, LIMITED, 0.02, END),
        (REFUSAL, chunk(b"x" * 100_000), END),
    ],
)
async def test_refusals_share_a_connection(groq: Gateway, upstream: Scripted, steps: tuple[Step, ...]):
    groq.fake.default_behaviour = "ok"
    upstream.steps = steps

    for _ in range(5):
        await groq.client.chat()
        await asyncio.sleep(0.03)
        await groq.runtime.store.reset(groq.accounts[0].key, time.time())

    assert (len(upstream.requests), upstream.connections) == (5, 1)


@pytest.mark.parametrize("rest", [b"", chunk(b": more\n\n" * 200_000)])
async def test_what_is_not_drained_soon_is_closed(
    groq: Gateway, upstream: Scripted, monkeypatch: pytest.MonkeyPatch, rest: bytes
):
    monkeypatch.setattr(open_answer, "DRAIN_S", 0.1)
    upstream.steps = (EVENTS + chunk(text("Hi") + STOP + DONE) + rest, "hold")

    answer = await groq.client.chat(stream=True)

    assert answer.text == "Hi"
    await until(lambda: upstream.open == 0, 2)


async def test_comments_do_not_hold_a_candidate(groq: Gateway, upstream: Scripted):
    groq.configure(first_content_timeout_s=0.3)
    upstream.steps = (EVENTS, *repeated(COMMENT))
    began = time.monotonic()

    answer = await groq.client.chat(stream=True)

    assert time.monotonic() - began < 2
    assert answer.events[-2]["fallback_chain"] == ["groq", "mistral"]
    assert (groq.events()[0].error_kind, groq.events()[0].upstream_status) == ("network", 200)


@pytest.mark.parametrize(
    "filler",
    [
        COMMENT,
        frames({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        frames({"choices": []}),
        b"event: ping\ndata: {}\n\n",
    ],
)
async def test_what_says_nothing_is_no_content_before_it(groq: Gateway, upstream: Scripted, filler: bytes):
    groq.configure(first_content_timeout_s=0.3)
    upstream.steps = (EVENTS, *repeated(filler))

    answer = await groq.client.chat(stream=True)

    assert answer.events[-2]["fallback_chain"] == ["groq", "mistral"]


@pytest.mark.parametrize("filler", [COMMENT, frames({"choices": [{"index": 0, "delta": {}}]})])
async def test_comments_are_no_content_after_it(groq: Gateway, upstream: Scripted, filler: bytes):
    groq.configure(stream_idle_timeout_s=0.3)
    upstream.steps = (EVENTS, chunk(text("Hi")), *repeated(filler))
    began = time.monotonic()

    answer = await groq.client.chat(stream=True)

    assert time.monotonic() - began < 2
    assert answer.events[-2]["error"]["code"] == "upstream_timeout"
    assert groq.events()[0].upstream_status == 200


async def test_content_now_and_then_keeps_a_stream_alive(groq: Gateway, upstream: Scripted):
    groq.configure(stream_idle_timeout_s=0.4, first_content_timeout_s=0.5)
    slow: list[Step] = [step for _ in range(6) for step in (chunk(COMMENT), 0.1, chunk(text("x")), 0.1)]
    upstream.steps = (EVENTS, *slow, chunk(STOP + DONE), END)

    answer = await groq.client.chat(stream=True)

    assert (answer.text, groq.events()[0].outcome) == ("xxxxxx", "success")


async def test_upstream_status_is_none_where_nobody_answered(groq: Gateway, upstream: Scripted):
    upstream.steps = ("close",)

    await groq.client.chat()

    assert [event.upstream_status for event in groq.events()] == [None, 200]
