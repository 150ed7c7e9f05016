"""Counts that cannot be true are estimated, marked and logged, on every endpoint; they never fill a window and never cost an answer."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from apps.core import clock
from apps.providers.offers import CATALOGUE
from apps.providers.types import Preset
from tests.gateway.audio import transcribe
from tests.gateway.conftest import USER, Gateway, Limit
from tests.gateway.scripted import DONE, STOP, Scripted, answered, frames, scripted_upstream, streamed, text

ABSURD = [1e30, 10**18, -7, "9", True, [1]]


@pytest.fixture
async def upstream() -> AsyncIterator[Scripted]:
    async with scripted_upstream() as made:
        yield made


async def used_tokens(gateway: Gateway) -> int:
    (offer,) = CATALOGUE.value.offers_for(USER)
    (standing,) = await gateway.runtime.store.view([offer.subject], clock.now())
    counts = zip(offer.subject.windows, standing.used, strict=True)
    return sum(used for window, used in counts if str(window.span) == "tokens/month")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("absurd", ABSURD)
@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
async def test_chat(gateway: Gateway, upstream: Scripted, absurd: Any, field: str, stream: bool):
    gateway.add("groq", base_url=upstream.url, limits=[Limit("tokens", "month", 100_000)])
    usage = {"prompt_tokens": 3, "completion_tokens": 2, field: absurd}
    answer = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}
    frame = frames({"choices": [], "usage": usage})
    upstream.steps = streamed(text("Hi"), STOP, frame, DONE) if stream else answered(answer)

    with capture_logs() as logs:
        got = await gateway.client.chat(
            stream=stream, stream_options={"include_usage": True} if stream else None
        )

    told = got.events[-2]["usage"] if stream else got.json["usage"]
    assert got.status == 200
    assert told["estimated"] is True
    assert 0 < told["total_tokens"] < 50
    assert [line["event"] for line in logs if line["event"].startswith("usage.")] == ["usage.implausible"]
    (event,) = gateway.events()
    assert (event.outcome, event.estimated) == ("success", True)
    assert await used_tokens(gateway) == told["total_tokens"]


@pytest.mark.parametrize("absurd", [1e30, -1, "9"])
async def test_details_are_no_more_than_their_whole(gateway: Gateway, upstream: Scripted, absurd: Any):
    gateway.add("groq", base_url=upstream.url)
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": absurd},
        "completion_tokens_details": {"reasoning_tokens": absurd},
    }
    upstream.steps = answered({"choices": [{"message": {"content": "Hi"}}], "usage": usage})

    told = (await gateway.client.chat()).json["usage"]

    assert told["prompt_tokens_details"]["cached_tokens"] in (0, 3)
    assert told["completion_tokens_details"]["reasoning_tokens"] in (0, 2)
    assert "estimated" not in told


async def test_numbers_that_are_none_in_the_whole_answer(gateway: Gateway, upstream: Scripted):
    gateway.add("groq", base_url=upstream.url)
    body = b'{"choices":[{"message":{"content":"Hi","odd":1e999,"big":' + b"9" * 40 + b'},"logprobs":NaN}],'
    upstream.steps = answered(body + b'"usage":{"prompt_tokens":NaN,"completion_tokens":Infinity}}')

    answer = await gateway.client.chat()

    assert (answer.status, answer.json["usage"]["estimated"]) == (200, True)


@pytest.mark.parametrize("absurd", [*ABSURD, 0])
async def test_embeddings(gateway: Gateway, upstream: Scripted, absurd: Any):
    gateway.add(
        "mistral", "ok", task="embedding", base_url=upstream.url, preset=Preset(), context_window=8192
    )
    upstream.steps = answered({"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": absurd}})
    body = orjson.dumps({"input": "some words to embed", "model": "ok"})

    answer = await gateway.client.request("POST", "/v1/embeddings", body)

    assert (answer.status, 0 < answer.json["usage"]["prompt_tokens"] < 20) == (200, True)
    assert gateway.events()[0].estimated


@pytest.mark.parametrize("absurd", [1e30, -7, "9"])
async def test_transcriptions(gateway: Gateway, upstream: Scripted, absurd: Any):
    gateway.add("groq", "ok", task="transcription", base_url=upstream.url)
    upstream.steps = answered(
        {"text": "Hello", "usage": {"prompt_tokens": absurd, "completion_tokens": absurd}}
    )

    answer = await transcribe(gateway.client)

    assert (answer.status, answer.json["text"]) == (200, "Hello")
    (event,) = gateway.events()
    assert event.prompt_tokens + event.completion_tokens < 50


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
async def test_what_the_model_could_have_but_not_this_call(
    gateway: Gateway, upstream: Scripted, field: str, stream: bool
):
    gateway.add("groq", base_url=upstream.url, limits=[Limit("tokens", "month", 1_000_000)])
    usage = {"prompt_tokens": 3, "completion_tokens": 2, field: 120_000}
    answer = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": usage}
    frame = frames({"choices": [], "usage": usage})
    upstream.steps = streamed(text("Hello"), STOP, frame, DONE) if stream else answered(answer)

    with capture_logs() as logs:
        got = await gateway.client.chat(
            stream=stream, max_tokens=10, stream_options={"include_usage": True} if stream else None
        )

    told = got.events[-2]["usage"] if stream else got.json["usage"]
    assert told["estimated"] is True
    assert told[field] < 100_000
    assert [line["event"] for line in logs if line["event"].startswith("usage.")] == ["usage.implausible"]
    assert await used_tokens(gateway) == told["total_tokens"]
