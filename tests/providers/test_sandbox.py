import asyncio

import orjson
import pytest

from apps.providers.adapters.openai import WIRE
from apps.providers.adapters.openai.chat import CODEC
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sandbox import BASE_URL, SCRIPTS, SandboxTransport
from apps.providers.types import Secret, UpstreamRequest
from apps.providers.upstream import Timeouts
from apps.providers.verdict import judge_result
from tests.factories import make_offer, make_request

from .openai_wire import joined

codec = CODEC
TIMEOUTS = Timeouts(connect_s=1, read_s=0.05)
TOOL = {
    "type": "function",
    "function": {
        "name": "book",
        "parameters": {
            "properties": {
                "city": {"type": "string"},
                "nights": {"type": "integer"},
                "class": {"enum": ["a"]},
            },
            "required": ["city", "nights", "class"],
        },
    },
}


@pytest.fixture
def sandbox():
    return SandboxTransport(pace_s=0)


def offer_of(model):
    return make_offer(provider="sandbox", model=model, base_url=BASE_URL, api_key=Secret(""))


def open_call(sandbox, model, *, stream=False, timeouts=TIMEOUTS, **request):
    built = codec.build(make_request(stream=stream, **request), offer_of(model))
    return sandbox.open(built, timeouts)


async def whole(sandbox, model, **request):
    response = await open_call(sandbox, model, **request)
    assert response.status == 200
    return codec.parse(await response.read(10_000), offer_of(model))


async def streamed(sandbox, model, **request):
    response = await open_call(sandbox, model, stream=True, **request)
    stream = codec.open_stream(offer_of(model))
    chunks = [chunk async for data in response.chunks() for chunk in stream.feed(data)]
    return chunks + stream.finish()


async def test_says_that_no_provider_was_called_and_echoes_the_user(sandbox):
    result = await whole(sandbox, "ok", messages=[{"role": "user", "content": "Is this\n on?"}])

    text = result.choices[0]["message"]["content"]
    assert "sandbox" in text
    assert "no provider was called" in text
    assert "“Is this on?”" in text
    assert result.usage.prompt_tokens == 3
    assert result.usage.completion_tokens == -(-len(text) // 4)


async def test_echoes_only_the_beginning_of_a_long_message(sandbox):
    result = await whole(sandbox, "ok", messages=[{"role": "user", "content": [{"text": "x" * 5000}]}])

    assert len(result.choices[0]["message"]["content"]) < 400


@pytest.mark.parametrize(
    "model", ["ok", "reasoning", "long", "tool_call", "parallel_tools", "empty", "filtered"]
)
async def test_a_streamed_and_a_whole_answer_say_the_same(sandbox, model):
    result = await whole(sandbox, model, body={"messages": [], "tools": [TOOL]})
    chunks = await streamed(sandbox, model, body={"messages": [], "tools": [TOOL]})

    message, finish, usage = joined(chunks)
    choice = result.choices[0]
    expected = {name: value for name, value in choice["message"].items() if name != "role" and value}
    for call in message.get("tool_calls", []) + expected.get("tool_calls", []):
        del call["id"]  # made from the request's bytes, which differ by `stream`
    assert (message, finish, usage) == (expected, choice["finish_reason"], result.usage)


async def test_streams_word_by_word(sandbox):
    chunks = await streamed(sandbox, "ok")

    texts = [chunk.choices[0]["delta"]["content"] for chunk in chunks if chunk.has_content]
    assert len(texts) > 10
    assert all(text.strip() and " " not in text.strip() for text in texts)


async def test_is_deterministic(sandbox):
    first, second = [await (await open_call(sandbox, "tool_call")).read(10_000) for _ in range(2)]

    assert first == second


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.REFUSED),
        (401, ErrorKind.AUTH),
        (403, ErrorKind.REFUSED),
        (404, ErrorKind.MODEL_GONE),
        (429, ErrorKind.RATE_LIMITED),
        (500, ErrorKind.SERVER_ERROR),
        (503, ErrorKind.SERVER_ERROR),
    ],
)
async def test_fails_as_its_model_name_says(sandbox, status, kind):
    response = await open_call(sandbox, f"error_{status}")

    error = WIRE.parse_error(response.status, response.headers, await response.read(10_000), offer_of("x"))

    assert (response.status, error.kind) == (status, kind)
    assert error.retry_after_s == (20.0 if status == 429 else None)


async def test_a_flaky_model_fails_first_and_then_works_until_it_is_reset(sandbox):
    async def statuses():
        return [(await open_call(sandbox, "flaky_2")).status for _ in range(4)]

    assert await statuses() == [500, 500, 200, 200]
    assert await statuses() == [200, 200, 200, 200]
    sandbox.reset()
    assert await statuses() == [500, 500, 200, 200]


@pytest.mark.parametrize(
    ("model", "content"), [("stall", False), ("stall_after_content", True), ("slow", False)]
)
async def test_stalls_until_the_read_timeout(sandbox, model, content):
    response = await open_call(sandbox, model, stream=True)
    stream = codec.open_stream(offer_of(model))
    chunks = []

    async def read_on():
        async for data in response.chunks():
            chunks.extend(stream.feed(data))

    with pytest.raises(UpstreamError) as caught:
        await read_on()

    assert (caught.value.kind, caught.value.timed_out) == (ErrorKind.NETWORK, True)
    assert any(chunk.has_content for chunk in chunks) is content


@pytest.mark.parametrize("model", ["stall", "stall_after_content", "cut"])
async def test_a_whole_answer_is_lost_to_a_stall_or_cut(sandbox, model):
    response = await open_call(sandbox, model)

    with pytest.raises(UpstreamError) as caught:
        await response.read(10_000)

    assert caught.value.kind is ErrorKind.NETWORK


async def test_a_cut_stream_ends_after_some_content(sandbox):
    response = await open_call(sandbox, "cut", stream=True)
    stream = codec.open_stream(offer_of("cut"))
    chunks = [chunk async for data in response.chunks() for chunk in stream.feed(data)]

    assert any(chunk.has_content for chunk in chunks)
    with pytest.raises(UpstreamError) as caught:
        stream.finish()
    assert caught.value.kind is ErrorKind.NETWORK


async def test_a_slow_model_answers_in_the_end(sandbox, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)

    response = await open_call(sandbox, "slow", timeouts=Timeouts(connect_s=1, read_s=30))

    assert b"sandbox" in await response.read(10_000)
    assert waits == [2.0]


@pytest.mark.parametrize(("model", "kind"), [("empty", "empty_response"), ("filtered", "content_filtered")])
async def test_says_nothing_where_the_script_says_so(sandbox, model, kind):
    with pytest.raises(UpstreamError) as caught:
        judge_result(await whole(sandbox, model))

    assert caught.value.kind == kind


async def test_calls_the_requests_tools_with_arguments_of_their_types(sandbox):
    result = await whole(sandbox, "parallel_tools", body={"messages": [], "tools": [TOOL]})

    first, second = result.choices[0]["message"]["tool_calls"]
    assert first["function"]["name"] == "book"
    assert orjson.loads(first["function"]["arguments"]) == {"city": "example", "nights": 1, "class": "a"}
    assert first["id"] != second["id"]


async def test_answers_with_text_once_the_tool_has_answered(sandbox):
    history = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "Sunny"},
    ]

    result = await whole(sandbox, "tool_call", messages=history)

    assert result.choices[0]["finish_reason"] == "stop"
    assert result.choices[0]["message"]["content"]


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings"])
async def test_an_unknown_model_or_path_is_a_404(sandbox, path):
    request = UpstreamRequest(url=BASE_URL + path, headers={}, body=b'{"model": "nope"}')

    response = await sandbox.open(request, TIMEOUTS)

    assert response.status == 404
    assert b"nope" in await response.read(10_000)


async def test_lists_its_scripts_as_models(sandbox):
    request = UpstreamRequest(url=f"{BASE_URL}/models", headers={}, body=b"", method="GET")

    response = await sandbox.open(request, TIMEOUTS)

    assert {model["id"] for model in orjson.loads(await response.read(10_000))["data"]} == set(SCRIPTS)


async def test_a_closed_answer_sends_nothing_more(sandbox):
    response = await open_call(sandbox, "ok", stream=True)
    chunks = response.chunks()
    await anext(chunks)

    response.close()
    response.close()

    assert [data async for data in chunks] == []
