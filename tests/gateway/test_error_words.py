"""What the errors of streams and of too long prompts say, since agents and libraries go by the words."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apps.gateway.answering import stream as streaming
from tests.asgi import Answer
from tests.gateway.conftest import Gateway
from tests.gateway.scripted import EVENTS, Scripted, Step, answered, chunk, frames, scripted_upstream, text

AGAIN = "Please try again later."
LENGTH = "maximum context length is "
BEGUN = EVENTS + chunk(text("Hi"))
PAUSE = 0.05  # what comes in one read with content and breaks it is no content yet


def error(message: str, code: Any) -> bytes:
    return chunk(frames({"error": {"message": message, "code": code}}))


@pytest.fixture
async def upstream() -> AsyncIterator[Scripted]:
    async with scripted_upstream() as made:
        yield made


def last_error(answer: Answer) -> dict[str, Any]:
    assert answer.events[-1] == "[DONE]"
    (broken,) = [event["error"] for event in answer.events[:-1] if "error" in event]
    return broken


@pytest.mark.parametrize(
    "steps",
    [
        (BEGUN, "close"),
        (BEGUN, "hold"),
        (BEGUN, PAUSE, error("Overloaded.", "overloaded")),
        (BEGUN, PAUSE, error("Internal error.", 500)),
        (BEGUN, PAUSE, error("Too many requests.", 429)),
        (BEGUN, PAUSE, error("Bad key.", "invalid_api_key")),
        (BEGUN, PAUSE, chunk(b'data: {"choices":[{"delta":{"content":"lost}\n\n' + text("x"))),
        (BEGUN, PAUSE, chunk(frames({"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}))),
    ],
)
async def test_a_broken_stream_says_that_another_try_may_help(
    gateway: Gateway, upstream: Scripted, steps: tuple[Step, ...]
):
    gateway.configure(stream_idle_timeout_s=0.3)
    gateway.add("groq", base_url=upstream.url)
    upstream.steps = steps

    broken = last_error(await gateway.client.chat(stream=True))

    assert broken["message"].endswith(AGAIN)
    assert broken["message"].count(AGAIN) == 1
    assert broken["message"].removesuffix(f" {AGAIN}")[-1] in ".!?", "another sentence begins"
    assert broken["type"] == "api_error"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (error("Blocked by the content filter, please try again later.", "content_filter"), "content_filter"),
        (
            error("Too long. The server is overloaded, server_error.", "context_length_exceeded"),
            "context_length_exceeded",
        ),
    ],
)
async def test_a_stream_that_would_break_again_does_not(
    gateway: Gateway, upstream: Scripted, frame: bytes, code: str
):
    gateway.add("groq", base_url=upstream.url)
    upstream.steps = (BEGUN, PAUSE, frame)

    broken = last_error(await gateway.client.chat(stream=True))

    assert (broken["type"], broken["code"]) == ("invalid_request_error", code)
    for words in ("try again later", "overloaded", "server_error"):
        assert words not in broken["message"].lower()


@pytest.mark.parametrize(
    ("behaviour", "again"), [("error_500", True), ("stall", True), ("error_429", True), ("error_400", False)]
)
async def test_an_error_behind_the_comments_says_it_too(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, behaviour: str, again: bool
):
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", 0.1)
    gateway.configure(stream_idle_timeout_s=0.3)
    gateway.add("groq", behaviour)

    broken = last_error(await gateway.client.chat(stream=True))

    assert broken["message"].endswith(AGAIN) is again


@pytest.mark.parametrize("stream", [False, True])
async def test_a_prompt_that_no_window_holds(gateway: Gateway, stream: bool):
    gateway.add("groq", context_window=50)
    gateway.add("mistral", context_window=100)

    answer = await gateway.client.chat(
        messages=[{"role": "user", "content": "many words " * 200}], stream=stream
    )

    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert f"{LENGTH}100 tokens. However, your messages resulted in about " in answer.error["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (
            "This model's maximum context length is 8192 tokens. However, you asked for more.",
            f"{LENGTH}8192 tokens",
        ),
        ("Please reduce the length of the messages.", f"{LENGTH}9000 tokens"),
        ("prompt is too long: 9 > 8", f"{LENGTH}9000 tokens"),
    ],
)
async def test_a_prompt_that_the_upstream_finds_too_long(
    gateway: Gateway, upstream: Scripted, theirs: str, told: str, stream: bool
):
    gateway.add("groq", base_url=upstream.url, context_window=9000)
    upstream.steps = answered(
        {"error": {"message": theirs, "code": "context_length_exceeded"}}, b"400 Bad Request"
    )

    answer = await gateway.client.chat(stream=stream)

    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert answer.error["message"].count("maximum context length") == 1
    assert told in answer.error["message"]
    assert theirs.rstrip(".") in answer.error["message"]


async def test_an_upstream_whose_window_nobody_knows(gateway: Gateway, upstream: Scripted):
    gateway.add("groq", base_url=upstream.url, context_window=0)
    upstream.steps = answered(
        {"error": {"message": "Too long.", "code": "context_length_exceeded"}}, b"400 Bad Request"
    )

    answer = await gateway.client.chat()

    assert "maximum context length was exceeded" in answer.error["message"]
