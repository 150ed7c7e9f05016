"""The adapter against the strict fake of Gemini, over a socket: what it sends is taken, what it reads agrees."""

from typing import Any

import aiohttp
import orjson
import pytest

from apps.providers.adapters.gemini import WIRE
from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatResult
from tests.factories import make_offer, make_request

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "$defs": {"City": {"type": "string", "minLength": 1}},
            "type": "object",
            "properties": {"city": {"$ref": "#/$defs/City"}, "when": {"type": ["string", "null"]}},
            "additionalProperties": False,
        },
    },
}


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(http, fake, model, *, stream=False, behaviour=None, messages=None, **body: Any) -> ChatResult:
    """The answer through the codec. Raises UpstreamError."""
    codec = CODEC
    if behaviour:
        fake.script("gemini", [behaviour])
    offer = make_offer(
        provider="gemini",
        model=model,
        base_url=fake.url("gemini"),
        capabilities=frozenset({"tools", "reasoning"}),
    )
    body = {"messages": messages or [{"role": "user", "content": "Grüße"}], **body}
    call = codec.build(make_request(body=body, stream=stream), offer)
    async with http.post(call.url, data=call.body, headers=call.headers) as response:
        if response.status != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise WIRE.parse_error(response.status, headers, await response.read(), offer)
        if not stream:
            return codec.parse(await response.read(), offer)
        reader = codec.open_stream(offer)
        chunks = [chunk async for data in response.content.iter_any() for chunk in reader.feed(data)]
        return join_chunks([*chunks, *reader.finish()])


@pytest.mark.parametrize(
    "behaviour",
    [
        *("ok", "length", "filtered", "tool_call", "parallel_tools", "text_and_tool", "reasoning"),
        *("split_utf8", "big_event", "one_garbage_frame", "no_usage", "blocked", "no_done", "many_in_one"),
    ],
)
async def test_streamed_and_whole_answers_agree(http, fake, behaviour):
    whole = await ask(http, fake, behaviour, n=2)
    streamed = await ask(http, fake, behaviour, stream=True, n=2)

    assert streamed == whole
    assert whole.choices


@pytest.mark.parametrize("model", ["gemini-3-flash-preview", "gemini-2.5-flash"])
async def test_conversation_with_parallel_tools_goes_on(http, fake, model):
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Weather?"}]
    answer = await ask(http, fake, model, behaviour="parallel_tools", messages=messages, tools=[WEATHER])
    message = answer.choices[0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"} for call in message["tool_calls"]
    ]

    reply = await ask(
        http, fake, model, behaviour="ok", messages=[*messages, message, *results[::-1]], tools=[WEATHER]
    )

    assert len(results) > 1
    assert reply.choices[0]["message"]["content"]


@pytest.mark.parametrize(
    ("behaviour", "kind", "window"),
    [
        ("error_401", ErrorKind.AUTH, None),
        ("error_403", ErrorKind.AUTH, None),
        ("error_404", ErrorKind.MODEL_GONE, None),
        ("error_429_minute", ErrorKind.RATE_LIMITED, "minute"),
        ("error_429_tokens", ErrorKind.RATE_LIMITED, "minute"),
        ("error_429_day", ErrorKind.RATE_LIMITED, "day"),
        ("error_429_plain", ErrorKind.RATE_LIMITED, "minute"),
        ("error_500", ErrorKind.SERVER_ERROR, None),
        ("error_503", ErrorKind.SERVER_ERROR, None),
        ("context_length", ErrorKind.CONTEXT_LENGTH, None),
        ("unsupported_param", ErrorKind.REFUSED, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_refusals_are_classified(http, fake, behaviour, kind, window, stream):
    with pytest.raises(UpstreamError) as caught:
        await ask(http, fake, behaviour, stream=stream)

    assert (caught.value.kind, caught.value.window) == (kind, window)


async def test_schema_that_was_not_reduced_would_be_refused(http, fake):
    url = f"{fake.url('gemini')}/models/gemini-2.5-flash:generateContent"
    declaration = {"name": "get_weather", "parameters": WEATHER["function"]["parameters"]}
    body = {
        "contents": [{"role": "user", "parts": [{"text": "?"}]}],
        "tools": [{"functionDeclarations": [declaration]}],
    }

    async with http.post(url, data=orjson.dumps(body), headers={"x-goog-api-key": "test-key"}) as response:
        assert response.status == 400
