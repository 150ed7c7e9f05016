"""Streams: frames, usage, the last frame, broken streams, quiet streams, clients that leave."""

import asyncio

import pytest

from apps.gateway.answering import stream as streaming
from tests.edges import BOTH
from tests.gateway.conftest import Gateway, until

pytestmark = BOTH


def data_frames(events: list) -> list[dict]:
    return [event for event in events if event != "[DONE]"]


async def test_frames_mirror_openai_with_own_fields(gateway: Gateway):
    gateway.add("groq", "ok")

    answer = await gateway.client.chat(model="freeai-fast", stream=True)

    frames = data_frames(answer.events)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.events[-1] == "[DONE]"
    assert all(frame["object"] == "chat.completion.chunk" for frame in frames)
    assert all(
        (frame["provider"], frame["model"], frame["real_model"]) == ("groq", "freeai-fast", "ok")
        for frame in frames
    )
    assert len({(frame["id"], frame["created"]) for frame in frames}) == 1
    assert [("role" in frame["choices"][0]["delta"]) for frame in frames] == [True] + [False] * (
        len(frames) - 1
    )
    assert [frame["choices"][0]["finish_reason"] for frame in frames][-1] == "stop"
    assert frames[-1]["fallback_chain"] == ["groq"]
    assert "latency_ms" in frames[-1]
    assert all("fallback_chain" not in frame for frame in frames[:-1])
    assert all("usage" not in frame for frame in frames)


async def test_usage_chunk_appears_exactly_when_asked(gateway: Gateway):
    gateway.add("groq", "ok")

    answer = await gateway.client.chat(stream=True, stream_options={"include_usage": True})

    frames = data_frames(answer.events)
    assert frames[-1]["choices"] == []
    assert frames[-1]["usage"]["total_tokens"] > 0
    assert frames[-1]["fallback_chain"] == ["groq"]
    assert all(frame["usage"] is None for frame in frames[:-1])


@pytest.mark.parametrize(
    "behaviour",
    [
        "ok",
        "crlf",
        "comments",
        "split_utf8",
        "many_in_one",
        "usage_in_last",
        "role_everywhere",
        "no_usage",
        "one_garbage_frame",
    ],
)
async def test_stream_and_whole_answer_agree(gateway: Gateway, behaviour: str):
    gateway.add("groq", behaviour)

    whole = (await gateway.client.chat()).json
    streamed = await gateway.client.chat(stream=True, stream_options={"include_usage": True})

    frames = data_frames(streamed.events)
    message = whole["choices"][0]["message"]
    assert streamed.text == message["content"]
    finishes = [frame["choices"][0]["finish_reason"] for frame in frames if frame["choices"]]
    assert [reason for reason in finishes if reason] == [whole["choices"][0]["finish_reason"]]
    assert frames[-1]["usage"] == whole["usage"]


@pytest.mark.parametrize(
    "behaviour",
    [
        "tool_call",
        "parallel_tools",
        "no_index",
        "no_id",
        "args_object",
        "text_and_tool",
        "finish_stop_with_tools",
    ],
)
async def test_streamed_tool_calls_agree_with_whole_ones(gateway: Gateway, behaviour: str):
    gateway.add("groq", behaviour)
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]

    whole = (await gateway.client.chat(tools=tools)).json["choices"][0]
    streamed = await gateway.client.chat(tools=tools, stream=True)

    calls: dict[int, dict[str, str]] = {}
    for frame in data_frames(streamed.events):
        for delta in frame["choices"][0]["delta"].get("tool_calls") or ():
            call = calls.setdefault(delta["index"], {"name": "", "arguments": "", "id": ""})
            call["id"] = call["id"] or delta.get("id") or ""
            call["name"] += delta["function"].get("name") or ""
            call["arguments"] += delta["function"].get("arguments") or ""
    assert [(call["name"], call["arguments"]) for _, call in sorted(calls.items())] == [
        (call["function"]["name"], call["function"]["arguments"]) for call in whole["message"]["tool_calls"]
    ]
    assert all(call["id"] for call in calls.values())
    assert whole["finish_reason"] == "tool_calls"
    assert data_frames(streamed.events)[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("stall_after_content", "network"), ("cut", "network")],
)
async def test_broken_after_content_is_one_error_frame_and_never_another_answer(
    gateway: Gateway, behaviour: str, kind: str
):
    gateway.configure(stream_idle_timeout_s=0.4)
    gateway.add("groq", behaviour)
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat(stream=True)

    errors = [event for event in data_frames(answer.events) if "error" in event]
    assert len(errors) == 1
    assert (errors[0]["error"]["provider"], errors[0]["error"]["kind"]) == ("groq", kind)
    assert answer.events[-2:] == [errors[0], "[DONE]"]
    (event,) = gateway.events()
    assert (event.outcome, event.error_kind) == ("error", kind)
    assert event.completion_tokens > 0
    assert await gateway.open_grants() == 0


async def test_missing_done_with_a_finish_reason_is_a_whole_answer(gateway: Gateway):
    gateway.add("groq", "no_done")

    answer = await gateway.client.chat(stream=True)

    assert answer.events[-1] == "[DONE]"
    assert gateway.events()[0].outcome == "success"


async def test_quiet_stream_gets_headers_and_comments_and_still_falls_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "QUIET_S", 0.1)
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", 0.1)
    gateway.configure(stream_idle_timeout_s=0.5)
    gateway.add("groq", "stall")
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat(stream=True)

    assert answer.status == 200
    assert answer.body.startswith(b": keep-alive\n\n")
    assert answer.body.count(b": keep-alive") >= 3
    assert data_frames(answer.events)[-1]["fallback_chain"] == ["groq", "mistral"]


async def test_quiet_stream_whose_candidates_all_fail_ends_with_an_error_frame(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "QUIET_S", 0.1)
    gateway.configure(stream_idle_timeout_s=0.3)
    gateway.add("groq", "stall")

    answer = await gateway.client.chat(stream=True)

    assert answer.status == 200
    assert answer.events[0]["error"]["code"] == "upstream_timeout"
    assert answer.events[-1] == "[DONE]"


async def test_client_that_leaves_mid_stream_cancels_the_upstream_call(gateway: Gateway):
    gateway.add("groq", "frames_500_10")
    exchange = gateway.client.begin_chat(stream=True)
    parts = exchange.parts()
    for _ in range(3):
        await anext(parts)

    await exchange.leave()

    await until(lambda: gateway.fake.open_connections == 0)
    (event,) = gateway.events()
    assert (event.outcome, event.error_kind) == ("cancelled", "cancelled")
    assert 0 < event.completion_tokens < 500
    assert await gateway.open_grants() == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_client_that_leaves_before_content_cancels_the_upstream_call(gateway: Gateway, stream: bool):
    gateway.add("groq", "stall_headers")
    exchange = gateway.client.begin_chat(stream=stream)
    await until(lambda: gateway.fake.open_connections == 1)

    await exchange.leave()

    await until(lambda: gateway.fake.open_connections == 0)
    assert [event.outcome for event in gateway.events()] == ["cancelled"]
    assert await gateway.open_grants() == 0


async def test_two_hundred_clients_that_leave_mid_stream_leave_nothing_behind(gateway: Gateway):
    # All ends run in this loop: ten times the frames are more than it can carry. One that tells of limits would have late ones refused.
    gateway.add("pool", "frames_1000_200", family="openai")
    exchanges = [gateway.client.begin_chat(stream=True) for _ in range(200)]
    for exchange in exchanges:
        await anext(exchange.parts())

    await asyncio.gather(*(exchange.leave() for exchange in exchanges))

    await until(lambda: gateway.fake.open_connections == 0)
    events = gateway.events()
    assert len(events) == 200
    assert {event.outcome for event in events} == {"cancelled"}
    assert await gateway.open_grants() == 0


async def test_total_budget_ends_a_stream_that_never_ends(gateway: Gateway):
    gateway.configure(total_timeout_s=0.5)
    gateway.add("groq", "frames_1000_20")

    answer = await gateway.client.chat(stream=True)

    assert data_frames(answer.events)[-1]["error"]["code"] == "upstream_timeout"
    assert gateway.events()[0].error_kind == "network"
