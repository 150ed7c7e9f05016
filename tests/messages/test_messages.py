"""POST /v1/messages through the whole gateway: what is served, what goes upstream, what fails and how it is told."""

from functools import partial
from typing import Any

import orjson
import pytest

from apps.gateway.answering import stream as streaming
from apps.gateway.endpoints.messages.wire.request import parse
from apps.gateway.endpoints.messages.wire.signatures import is_own, sign
from apps.gateway.wire.errors import AGAIN
from tests.gateway.conftest import USER, Gateway, use_key
from tests.messages.conftest import FORECAST, HELLO, TOOL, ask, body, message_of
from tests.messages.events import Reader

IMAGE = {
    "type": "base64",
    "media_type": "image/png",
    "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
}
THINKING = {"type": "enabled", "budget_tokens": 2000}


def sent(gateway: Gateway) -> dict[str, Any]:
    return gateway.fake.journal[-1].body


def types(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["content"]]


async def test_a_message_says_who_answered(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    message = await message_of(gateway, stream=stream, model="claude-sonnet-5")

    event = gateway.events()[-1]
    assert message["id"] == f"msg_{event.id}"
    assert message["model"] == "claude-sonnet-5"
    assert (message["provider"], message["real_model"], message["strategy_used"]) == (
        "mistral",
        "ok",
        "coding",
    )
    assert message["fallback_chain"] == ["groq", "mistral"]
    assert message["usage"]["input_tokens"] == event.prompt_tokens
    assert message["usage"]["output_tokens"] == event.completion_tokens
    assert (event.endpoint, event.virtual_model) == ("messages", "freeai-code")
    assert await gateway.open_grants() == 0


async def test_headers_are_those_of_chat(gateway: Gateway, stream: bool):
    gateway.add("groq")
    use_key(rpm_limit=60)

    answer = await ask(
        gateway, stream=stream, tools=[TOOL, {"type": "web_search_20250305", "name": "web_search"}]
    )

    assert answer.headers["x-freeai-provider"] == "groq"
    assert answer.headers["x-freeai-dropped"].split(", ")[0] == "web_search"
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert [tool["function"]["name"] for tool in sent(gateway)["tools"]] == ["get_weather"]


async def test_a_hosted_tool_alone_leaves_no_empty_list(gateway: Gateway):
    gateway.add("groq")

    answer = await ask(
        gateway, tools=[{"type": "web_search_20250305", "name": "web_search"}], tool_choice={"type": "auto"}
    )

    assert answer.status == 200
    assert not {"tools", "tool_choice"} & sent(gateway).keys()


@pytest.mark.parametrize("provider", ["groq", "gemini", "cohere", "mistral"])
async def test_tools_their_results_and_the_answer(gateway: Gateway, provider: str, stream: bool):
    gateway.add(provider)
    gateway.fake.script(provider, ["parallel_tools", "ok"])
    question = {"role": "user", "content": "Rome and Oslo?"}
    tools = [TOOL, FORECAST]
    called = await message_of(gateway, stream=stream, messages=[question], tools=tools)
    calls = [block for block in called["content"] if block["type"] == "tool_use"]
    results: list[Any] = [
        {
            "type": "tool_result",
            "tool_use_id": call["id"],
            "content": [{"type": "text", "text": f"of {call['name']}"}],
        }
        for call in calls
    ]
    results[0] |= {"is_error": True}
    results[1]["content"].append({"type": "image", "source": IMAGE})
    history = [
        question,
        {"role": "system", "content": "A reminder."},
        {"role": "assistant", "content": called["content"]},
        {"role": "user", "content": [{"type": "text", "text": "There."}, *reversed(results)]},
    ]

    answered = await message_of(gateway, stream=stream, messages=history, tools=tools)

    assert (called["stop_reason"], answered["stop_reason"]) == ("tool_use", "end_turn")
    assert [(call["name"], call["input"]) for call in calls] == [
        ("get_weather", {"city": "Rome"}),
        ("get_forecast", {"city": "Oslo"}),
    ]
    text = orjson.dumps(sent(gateway)).decode()
    assert text.index("Error: of get_weather") < text.index("of get_forecast") < text.index("There.")
    assert "A reminder." in text
    assert IMAGE["data"] in text


async def test_thinking_is_shown_to_who_asks_and_signed(gateway: Gateway, stream: bool):
    gateway.add("groq", "reasoning")

    silent = await message_of(gateway, stream=stream)
    off = await message_of(gateway, stream=stream, thinking={"type": "disabled"})
    shown = await message_of(gateway, stream=stream, thinking=THINKING)

    assert (types(silent), types(off), types(shown)) == (["text"], ["text"], ["thinking", "text"])
    block = shown["content"][0]
    assert is_own(block["thinking"], block["signature"], USER)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"type": "thinking", "thinking": "Own.", "signature": sign("Own.", USER)}, True),
        ({"type": "thinking", "thinking": "Changed.", "signature": sign("Own.", USER)}, False),
        ({"type": "thinking", "thinking": "Another's.", "signature": sign("Another's.", USER + 1)}, False),
        ({"type": "thinking", "thinking": "Foreign.", "signature": "EqQBCgIYAhIM"}, False),
        ({"type": "thinking", "thinking": "Replayed.", "signature": ""}, False),
        ({"type": "thinking", "thinking": "Unsigned."}, False),
        ({"type": "redacted_thinking", "data": "b3BhcXVl"}, False),
    ],
    ids=lambda value: value.get("thinking", "redacted") if isinstance(value, dict) else None,
)
def test_only_own_thoughts_go_on(block: dict[str, Any], told: bool):
    said = {"type": "text", "text": "So."}
    sent = body(messages=[*HELLO, {"role": "assistant", "content": [block, said]}])

    last = parse(sent, partial(is_own, user_id=USER)).chat.body["messages"][-1]

    assert last["content"] == "So."
    assert last.get("reasoning_content") == (block["thinking"] if told else None)


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, "none"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 31_999}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}, "medium"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"output_config": {"effort": "max"}}, "high"),
    ],
)
def test_how_hard_to_think(fields: dict[str, Any], effort: str | None):
    assert parse(body(**fields), lambda *_: False).chat.body.get("reasoning_effort") == effort


async def test_a_ceiling_above_the_models_own_is_cut(gateway: Gateway):
    gateway.add("mistral", max_output_tokens=8192)

    answer = await ask(gateway, max_tokens=64_000)

    assert answer.status == 200
    assert sent(gateway)["max_tokens"] == 8192


@pytest.mark.parametrize(
    ("behaviour", "reason"), [("ok", "end_turn"), ("length", "max_tokens"), ("tool_call", "tool_use")]
)
async def test_stop_reasons(gateway: Gateway, behaviour: str, reason: str, stream: bool):
    gateway.add("groq", behaviour)

    assert (await message_of(gateway, stream=stream, tools=[TOOL]))["stop_reason"] == reason


async def test_what_a_filter_stopped(gateway: Gateway):
    gateway.add("groq", "filtered_after_content")

    reader = Reader().read((await ask(gateway, stream=True)).body)

    assert (reader.error, reader.message["stop_reason"]) == (None, "refusal")


async def test_a_request_for_no_tokens_asks_nobody(gateway: Gateway, stream: bool):
    gateway.add("groq")

    message = await message_of(gateway, stream=stream, max_tokens=0)

    assert message["usage"]["output_tokens"] == 0
    assert gateway.fake.journal == []


@pytest.mark.parametrize(
    ("behaviour", "status", "kind"),
    [
        ("error_500", 529, "overloaded_error"),
        ("error_429", 429, "rate_limit_error"),
        ("error_400", 400, "invalid_request_error"),
        ("stall_headers", 504, "timeout_error"),
    ],
)
async def test_failures_before_content(
    gateway: Gateway, behaviour: str, status: int, kind: str, stream: bool
):
    gateway.configure(stream_idle_timeout_s=0.2, response_timeout_s=0.2, first_content_timeout_s=0.2)
    gateway.add("groq", behaviour)

    answer = await ask(gateway, stream=stream)

    assert (answer.status, answer.error["type"]) == (status, kind)
    assert answer.error["provider"] == "groq"


async def test_a_stream_that_breaks_off_ends_with_an_error_and_its_repetition_is_served(gateway: Gateway):
    gateway.add("groq", "ok")
    gateway.add("mistral", "ok", weight=1)
    gateway.fake.script("groq", ["cut"])

    broken = Reader().read((await ask(gateway, stream=True)).body)
    repeated = await ask(gateway)

    assert broken.error is not None
    assert broken.error["type"] == "overloaded_error"
    assert broken.error["message"].endswith(AGAIN)
    assert broken.kinds[-1] == "error"
    assert repeated.status == 200
    assert await gateway.open_grants() == 0


async def test_a_quiet_stream_has_comments_and_falls_back(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "QUIET_S", 0.1)
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", 0.1)
    gateway.configure(stream_idle_timeout_s=0.4)
    gateway.add("groq", "stall")
    gateway.add("mistral", "ok")

    answer = await ask(gateway, stream=True)

    assert answer.body.startswith(b": keep-alive\n\n")
    assert Reader().read(answer.body).message["provider"] == "mistral"


async def test_all_fail_behind_the_comments(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    gateway.add("groq", "error_500")

    answer = await ask(gateway, stream=True)

    reader = Reader().read(answer.body)
    assert (answer.status, reader.kinds) == (200, ["error"])


async def test_a_stream_says_that_it_goes_on(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", -1.0)
    gateway.add("groq", "reasoning")

    answer = await ask(gateway, stream=True)

    reader = Reader().read(answer.body)
    assert "ping" in reader.kinds or b'{"type":"text_delta","text":""}' in answer.body
    assert reader.kinds[0] == "message_start"
    assert types(reader.message) == ["text"]


@pytest.mark.parametrize("behaviour", ["tool_call", "text_and_tool", "parallel_tools"])
async def test_no_block_has_ended_when_calls_break_off(gateway: Gateway, behaviour: str):
    """The last events of an answer are one write, so that a stream which breaks off before it can be repeated as if nothing was."""
    gateway.add("groq", behaviour)
    exchange = gateway.client.begin("POST", "/v1/messages", body(stream=True, tools=[TOOL, FORECAST]))

    parts = [part async for part in exchange.parts()]

    ended = [part for part in parts if b"content_block_stop" in part]
    assert ended == parts[-1:]
    assert b"message_stop" in ended[0]


async def test_a_client_that_leaves_costs_what_it_got(gateway: Gateway):
    gateway.add("groq", "frames_500_20")
    exchange = gateway.client.begin("POST", "/v1/messages", body(stream=True))
    async for part in exchange.parts():
        if b"content_block_delta" in part:
            break

    await exchange.leave()

    (event,) = gateway.events()
    assert (event.outcome, event.endpoint) == ("cancelled", "messages")
    assert await gateway.open_grants() == 0


async def test_an_answer_with_arguments_that_are_no_object_is_left_to_the_next(
    gateway: Gateway, upstream: Any
):
    """By no fake: none of them is so wrong."""
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "[1]"}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    upstream.answer(200, orjson.dumps({"id": "x", "choices": [choice]}))
    gateway.add("vllm", base_url=upstream.url)
    gateway.add("mistral", "tool_call")

    message = await message_of(gateway, stream=False, tools=[TOOL])

    assert message["provider"] == "mistral"
    assert message["content"][0]["input"] == {"city": "Rome"}


async def test_a_stream_whose_arguments_turn_out_to_be_no_object_ends_with_an_error(
    gateway: Gateway, upstream: Any
):
    """That shows only at its end; until then they began as one."""
    function = {"name": "get_weather", "arguments": '{"city" "Rome"}'}
    call = {"index": 0, "id": "a", "type": "function", "function": function}
    frames: list[dict[str, Any]] = [
        {"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]},
        {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]
    sent = b"".join(b"data: %s\n\n" % orjson.dumps(frame) for frame in frames) + b"data: [DONE]\n\n"
    upstream.answer(200, sent, kind="text/event-stream")
    gateway.add("vllm", base_url=upstream.url)

    reader = Reader().read((await ask(gateway, stream=True, tools=[TOOL])).body)

    assert reader.error is not None
    assert reader.error["kind"] == "parsing"
    assert [(event.outcome, event.error_kind) for event in gateway.events()] == [("error", "parsing")]
    assert await gateway.open_grants() == 0


async def test_a_prompt_that_is_too_long_is_said_in_the_words_that_shorten_it(gateway: Gateway):
    gateway.add("groq", context_window=1000)

    answer = await ask(gateway, messages=[{"role": "user", "content": "word " * 4000}])

    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert answer.error["message"] == "prompt is too long: 5004 tokens > 1000 maximum"


async def test_the_decision_comes_with_the_answer(gateway: Gateway, stream: bool):
    gateway.add("groq")

    answer = await gateway.client.request(
        "POST", "/v1/messages", body(stream=stream), {"x-freeai-explain": "1"}
    )

    message = Reader().read(answer.body).message if stream else answer.json
    assert message["explain"]["candidates"][0]["provider"] == "groq"


async def test_a_large_request_of_an_agent(gateway: Gateway, stream: bool):
    gateway.add("gemini")
    tools = [TOOL | {"name": f"tool_{at}", "description": "x" * 2000} for at in range(30)]

    message = await message_of(
        gateway,
        stream=stream,
        tools=tools,
        system=[{"type": "text", "text": "y" * 40_000}],
        max_tokens=64_000,
    )

    assert message["stop_reason"] == "end_turn"
