"""The adapter against the strict fake of Cohere, over a socket: what it sends is taken, what it reads agrees."""

from typing import Any

import aiohttp
import pytest

from apps.providers.errors import ErrorKind, UpstreamError
from fakes import NAMED, Limits
from tests.fakes.requests import KEYS, send
from tests.providers.loopback import ask, offer_of

MODEL = "command-a-03-2025"
USER = {"role": "user", "content": "Weather?"}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}
ANSWERED = [
    *("ok", "echo", "length", "filtered_after_content", "tool_call", "parallel_tools", "text_and_tool"),
    *(
        "reasoning",
        "big_event",
        "many_in_one",
        "no_done",
        "crlf",
        "comments",
        "one_garbage_frame",
        "no_usage",
    ),
    *("role_everywhere", "usage_in_last", "no_index", "no_id", "args_object", "finish_stop_with_tools"),
    *("split_utf8", "slow_0.05", "long_300", "frames_3_10", "think_tags", "empty", "filtered", "blocked"),
]
FAILING = {
    "html_200": ErrorKind.PARSING,
    "error_in_200": ErrorKind.SERVER_ERROR,
    "error_frame": ErrorKind.SERVER_ERROR,
    "error_frame_first": ErrorKind.SERVER_ERROR,
    "garbage_frames": ErrorKind.PARSING,
}


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def behave(http, fake, behaviour, *, stream=False, model=MODEL, messages=(USER,), **body: Any):
    fake.script("cohere", [behaviour])
    return await ask(http, offer_of(fake, "cohere", model), list(messages), stream=stream, **body)


def test_every_named_behaviour_is_tried_here_or_breaks_the_connection():
    broken = {"stall_headers", "stall", "stall_after_content", "reset", "cut_before_content", "cut"}
    refused = {name for name, behaviour in NAMED.items() if behaviour.fault is not None}

    assert set(NAMED) - broken - refused - {"slow", "flaky", "task"} <= set(ANSWERED) | set(FAILING)


@pytest.mark.parametrize("behaviour", ANSWERED)
async def test_streamed_and_whole_answers_agree(http, fake, behaviour):
    whole = await behave(http, fake, behaviour, tools=[WEATHER])
    streamed = await behave(http, fake, behaviour, stream=True, tools=[WEATHER])

    assert streamed == whole
    assert whole[0] or behaviour in ("empty", "filtered", "blocked")


async def test_contents_say_what_their_names_promise(http, fake):
    both = await behave(http, fake, "text_and_tool", tools=[WEATHER])
    thoughtful = await behave(http, fake, "reasoning")
    without = await behave(
        http, fake, "reasoning", model="command-a-reasoning-08-2025", reasoning_effort="none"
    )

    assert both[0]["reasoning_content"] and both[0]["tool_calls"] and both[1] == "tool_calls"
    assert thoughtful[0]["reasoning_content"] and thoughtful[0]["content"]
    assert "reasoning_content" not in without[0]


@pytest.mark.parametrize(("behaviour", "kind"), FAILING.items())
@pytest.mark.parametrize("stream", [False, True])
async def test_200s_that_are_no_answer(http, fake, behaviour, kind, stream):
    with pytest.raises(UpstreamError) as caught:
        await behave(http, fake, behaviour, stream=stream)

    assert caught.value.kind is kind


@pytest.mark.parametrize("behaviour", ["cut", "cut_before_content"])
@pytest.mark.parametrize("stream", [False, True])
async def test_connections_break(http, fake, behaviour, stream):
    with pytest.raises(aiohttp.ClientError):
        await behave(http, fake, behaviour, stream=stream)


@pytest.mark.parametrize(
    ("behaviour", "kind", "window"),
    [
        ("error_400", ErrorKind.CLIENT_ERROR, None),
        ("error_401", ErrorKind.AUTH, None),
        ("error_402", ErrorKind.PAYMENT_REQUIRED, None),
        ("error_403", ErrorKind.REFUSED, None),
        ("error_404", ErrorKind.MODEL_GONE, None),
        ("error_422", ErrorKind.SERVER_ERROR, None),
        ("error_429_minute", ErrorKind.RATE_LIMITED, "minute"),
        ("error_429_tokens", ErrorKind.RATE_LIMITED, "minute"),
        ("error_429_day", ErrorKind.RATE_LIMITED, "month"),
        ("error_498", ErrorKind.CONTENT_FILTERED, None),
        ("error_500", ErrorKind.SERVER_ERROR, None),
        ("error_503", ErrorKind.SERVER_ERROR, None),
        ("context_length", ErrorKind.CONTEXT_LENGTH, None),
        ("unsupported_param", ErrorKind.REFUSED, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_refusals_are_classified(http, fake, behaviour, kind, window, stream):
    with pytest.raises(UpstreamError) as caught:
        await behave(http, fake, behaviour, stream=stream)

    assert (caught.value.kind, caught.value.window) == (kind, window)


@pytest.mark.parametrize("model", [MODEL, "command-a-reasoning-08-2025"])
async def test_conversation_with_a_plan_and_parallel_tools_goes_on(http, fake, model):
    messages: list[dict[str, Any]] = [USER]
    for behaviour in ("text_and_tool", "parallel_tools"):
        message, _, _ = await behave(http, fake, behaviour, model=model, messages=messages, tools=[WEATHER])
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": "sunny"} for call in message["tool_calls"]
        ]
        messages += [{"role": "assistant", **message}, *results[::-1]]

    reply, finish, _ = await behave(http, fake, "ok", model=model, messages=messages, tools=[WEATHER])

    assert len(results) > 1
    assert reply["content"] and finish == "stop"


def tool(name, **function):
    return {"type": "function", "function": {"name": name, "parameters": {}, **function}}


def turn(*ids, **fields):
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": call_id, "type": "function", "function": function} for call_id in ids]
    return {"role": "assistant", "tool_calls": calls, **fields}


def result(call_id):
    return {"role": "tool", "tool_call_id": call_id, "content": "x"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"tools": [tool("f")], "tool_choice": "required"}, "REQUIRED, NONE"),
        ({"messages": [USER, result("a")]}, "not found in previous tool calls: a"),
        ({"messages": [USER, turn("a"), result("b")]}, "not found in previous tool calls: b"),
        ({"messages": [USER, turn("a"), result("a"), turn("b"), result("a")]}, "not found"),
        ({"messages": [USER, turn("a", "b"), result("a"), USER]}, "without results: b"),
        ({"messages": [USER, turn("a")]}, "have no results"),
        ({"messages": [USER, turn("a", content="I will."), result("a")]}, "text content is not allowed"),
        ({"messages": [{**USER, "name": "ann"}]}, "'name' is not a valid field"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "content or tool calls"),
        ({"messages": [{"role": "developer", "content": "x"}]}, "role must be one of"),
        ({"store": True}, "'store' is not a valid field"),
        ({"top_p": 0.5}, "'top_p' is not a valid field"),
        ({"p": 1}, "p must be between 0.01 and 0.99"),
        ({"temperature": 1.5}, "temperature must be between"),
        ({"presence_penalty": -0.5}, "presence_penalty must be between"),
        ({"stop_sequences": list("abcdef")}, "at most 5"),
        ({"tools": [tool("get-weather")]}, "tool names"),
        ({"tools": [tool("2nd")]}, "tool names"),
        ({"tools": [tool("f", strict=True)]}, "'strict' is not a valid field"),
        ({"response_format": {"type": "json_schema"}}, "response_format.type"),
        ({"tools": [tool("f")], "response_format": {"type": "json_object"}}, "not supported with tools"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_fake_refuses_what_cohere_refuses(fake, body, text, stream):
    async with aiohttp.ClientSession(headers=KEYS) as http:
        response, raw = await send(http, fake, "cohere", "ok", stream=stream, **body)

    assert response.status == 400
    assert text in raw.decode()


@pytest.mark.parametrize("stream", [False, True])
async def test_trial_counters_go_down_and_are_on_successes_only(fake, stream):
    fake.limit("cohere", Limits(requests_per_minute=20))

    async with aiohttp.ClientSession(headers=KEYS) as http:
        responses = [
            (await send(http, fake, "cohere", model, stream=stream))[0] for model in ("ok", "ok", "error_500")
        ]

    left = [response.headers.get("x-trial-endpoint-call-remaining") for response in responses]
    assert left in (["19", "18", None], ["19", "19", None])  # the latter where a minute has just ended
    assert responses[0].headers["x-trial-endpoint-call-limit"] == "20"
    assert responses[0].headers["x-endpoint-monthly-call-limit"] == "1000"
