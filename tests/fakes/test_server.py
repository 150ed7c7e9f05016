"""The fake upstream says what its behaviours promise; streamed and whole answers agree."""

from __future__ import annotations

import orjson
import pytest

from fakes import UPSTREAMS
from tests.fakes.requests import ask, frames, gemini_joined, openai_joined, openai_whole, send

OPENAI_WIRE = sorted(set(UPSTREAMS) - {"gemini", "cohere"})
ANSWERED = [
    *("ok", "echo", "empty", "length", "filtered", "filtered_after_content", "tool_call", "parallel_tools"),
    *("text_and_tool", "reasoning", "think_tags", "big_event", "many_in_one", "no_done", "crlf", "comments"),
    *("one_garbage_frame", "role_everywhere", "usage_in_last", "no_index", "no_id", "args_object"),
    *("finish_stop_with_tools", "split_utf8", "slow_0.05", "long_500", "frames_3_10", "no_usage", "blocked"),
]


@pytest.mark.parametrize("behaviour", ANSWERED)
async def test_streamed_and_whole_answers_are_the_same_on_openai_wires(fake, http, behaviour):
    for provider in OPENAI_WIRE:
        _, whole = await send(http, fake, provider, behaviour)
        _, streamed = await send(http, fake, provider, behaviour, stream=True)

        assert openai_joined(frames(streamed)) == openai_whole(orjson.loads(whole)), provider


@pytest.mark.parametrize("behaviour", ANSWERED)
async def test_streamed_and_whole_answers_are_the_same_on_gemini(fake, http, behaviour):
    _, whole = await send(http, fake, "gemini", behaviour)
    _, streamed = await send(http, fake, "gemini", behaviour, stream=True)

    assert gemini_joined(frames(streamed)) == gemini_joined([orjson.loads(whole)])


async def test_contents_say_what_their_names_promise(fake, http):
    async def whole(behaviour):
        return openai_whole(orjson.loads((await send(http, fake, "openai", behaviour))[1]))

    assert (await whole("echo"))["text"] == "Grüße\nan alle"
    assert (await whole("empty"))["text"] == ""
    assert (await whole("filtered"))["finish"] == "content_filter"
    assert (await whole("length"))["finish"] == "length"
    assert len((await whole("big_event"))["text"]) == 1 << 20
    assert [call[1]["name"] for call in (await whole("parallel_tools"))["calls"]] == ["get_weather"] * 2
    assert (await whole("finish_stop_with_tools"))["finish"] == "stop"
    assert isinstance((await whole("args_object"))["calls"][0][1]["arguments"], dict)
    assert (await whole("no_id"))["calls"][0][0] is None
    assert (await whole("no_usage"))["usage"] is None
    assert (await whole("think_tags"))["text"].startswith("<think>\n")


async def test_same_seed_same_text_and_n_choices_differ(fake, http):
    first = orjson.loads((await send(http, fake, "openai", "ok", seed=7, n=2))[1])
    again = orjson.loads((await send(http, fake, "openai", "ok", seed=7, n=2))[1])
    other = orjson.loads((await send(http, fake, "openai", "ok", seed=8))[1])

    assert first == again
    texts = [choice["message"]["content"] for choice in [*first["choices"], *other["choices"]]]
    assert texts[0] != texts[1] == texts[2]


async def test_tools_that_were_declared_are_the_ones_called(fake, http):
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("a", "b")]

    _, raw = await send(http, fake, "groq", "parallel_tools", stream=True, tools=tools)

    assert [call[1]["name"] for call in openai_joined(frames(raw))["calls"]] == ["a", "b"]


async def test_stream_deviations_are_on_the_wire(fake, http):
    async def stream(behaviour, provider="openai"):
        return (await send(http, fake, provider, behaviour, stream=True))[1]

    assert b"[DONE]" in await stream("ok")
    assert b"[DONE]" not in await stream("no_done")
    assert b"\n\r\n" in await stream("crlf")
    assert b": keep-alive" in await stream("comments")
    assert (await stream("ok", "openrouter")).startswith(b": OPENROUTER PROCESSING\n\n")
    assert (await stream("garbage_frames")).count(b'"id": "garbage"') == 6
    assert (await stream("one_garbage_frame")).count(b'"id": "garbage"') == 1
    assert all("role" in c["delta"] for f in frames(await stream("role_everywhere")) for c in f["choices"])
    assert frames(await stream("usage_in_last"))[-1]["choices"]
    assert frames(await stream("ok"))[-1]["choices"] == []
    calls = [c["delta"].get("tool_calls") for f in frames(await stream("no_index")) for c in f["choices"]]
    assert all("index" not in call for group in calls for call in group or ())


async def test_error_frames_end_the_stream_in_the_providers_words(fake, http):
    _, middle = await send(http, fake, "groq", "error_frame", stream=True)
    _, first = await send(http, fake, "cerebras", "error_frame_first", stream=True)
    whole_response, whole = await send(http, fake, "groq", "error_frame")

    assert b"event: error\ndata: " in middle
    assert frames(middle)[-1]["error"]["code"] == "tool_use_failed"
    assert openai_joined(frames(middle)[:-1])["text"]
    assert frames(first)[0]["status_code"] == 500
    assert whole_response.status == 200
    assert "error" in orjson.loads(whole)


@pytest.mark.parametrize("stream", [False, True])
async def test_200s_that_are_no_answer(fake, http, stream):
    html, page = await send(http, fake, "groq", "html_200", stream=stream)
    error, body = await send(http, fake, "groq", "error_in_200", stream=stream)

    assert (html.status, html.content_type) == (200, "text/html")
    assert page.startswith(b"<!DOCTYPE html>")
    assert error.status == 200
    assert "error" in orjson.loads(body)


async def test_characters_are_split_between_reads(fake, http):
    url, body = ask(fake, "openai", "split_utf8", stream=True)

    async with http.post(url, json=body) as response:
        chunks = [chunk async for chunk in response.content.iter_any()]

    def ends_inside_a_character(chunk: bytes) -> bool:
        try:
            chunk.decode()
        except UnicodeDecodeError:
            return True
        return False

    assert sum(map(ends_inside_a_character, chunks)) > 5
    assert "日本語" in openai_joined(frames(b"".join(chunks)))["text"]
