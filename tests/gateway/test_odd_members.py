"""Members of an upstream's answer that are odd, or that a surface cannot tell: whole and streamed, its client hears of it in its words,
and nothing is taken for a fault of ours."""

from typing import Any

import orjson
import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.refusing import ANSWER, add
from tests.gateway.upstream_pages import Pages

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
SURFACES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", CHAT),
    "responses": ("/v1/responses", {"input": "Hi"}),
    "messages": ("/v1/messages", CHAT | {"max_tokens": 100}),
    "gemini": ("/v1beta/models/freeai-fastest:generateContent", {"contents": [{"parts": [{"text": "Hi"}]}]}),
    "ollama": ("/ollama/api/chat", CHAT),
}
CUSTOM = {"id": "c", "type": "custom", "custom": {"name": "g", "input": "some text"}}
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def told(
    gateway: Gateway, upstream: Pages, surface: str, said: dict[str, Any], *, stream: bool
) -> bytes:
    """What a client of that surface is given where the upstream says a text, and then this."""
    add(gateway, "only", upstream)
    if stream:
        frames = [{"delta": {"content": "Hello"}}, {"delta": said}, {"delta": {}, "finish_reason": "stop"}]
        events = (b"data: " + orjson.dumps({"choices": [frame]}) + b"\n\n" for frame in frames)
        upstream.answer(200, b"".join(events) + b"data: [DONE]\n\n", kind="text/event-stream")
    else:
        choice = {"index": 0, "message": {"content": "Hello", **said}, "finish_reason": "stop"}
        upstream.answer(200, orjson.dumps(ANSWER | {"choices": [choice]}))
    path, body = SURFACES[surface]
    if surface == "gemini":
        path = path.replace(":generate", ":streamGenerate") + "?alt=sse" if stream else path
    else:
        body = body | {"model": "freeai-fastest", "stream": stream}
    return (await gateway.client.request("POST", path, orjson.dumps(body))).body


@BOTH_WAYS
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("refusal", [["No."], {"text": "No."}, [{"type": "text", "text": "No."}]])
async def test_a_refusal_that_is_no_text(
    gateway: Gateway,
    upstream: Pages,
    caplog: pytest.LogCaptureFixture,
    surface: str,
    refusal: Any,
    stream: bool,
):
    body = await told(gateway, upstream, surface, {"refusal": refusal}, stream=stream)

    assert b"No." in body
    assert "attempt.unforeseen" not in caplog.text


@BOTH_WAYS
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("refusal", [True, 5, 1e308, [[["No."]]]])
async def test_a_refusal_of_nobody_knows_what(
    gateway: Gateway,
    upstream: Pages,
    caplog: pytest.LogCaptureFixture,
    surface: str,
    refusal: Any,
    stream: bool,
):
    body = await told(gateway, upstream, surface, {"refusal": refusal}, stream=stream)

    assert body
    assert "attempt.unforeseen" not in caplog.text


@BOTH_WAYS
async def test_a_call_of_a_custom_tool_in_chat(gateway: Gateway, upstream: Pages, stream: bool):
    body = await told(gateway, upstream, "chat", {"tool_calls": [CUSTOM]}, stream=stream)

    assert b"some text" in body
    assert [event.outcome for event in gateway.events()] == ["success"]


@BOTH_WAYS
@pytest.mark.parametrize("surface", [surface for surface in SURFACES if surface != "chat"])
async def test_a_call_of_a_custom_tool_that_nobody_could_ask_for(
    gateway: Gateway, upstream: Pages, caplog: pytest.LogCaptureFixture, surface: str, stream: bool
):
    body = await told(gateway, upstream, surface, {"tool_calls": [CUSTOM]}, stream=stream)

    assert b"error" in body
    assert [(event.outcome, event.error_kind) for event in gateway.events()] == [("error", "parsing")]
    assert "attempt.unforeseen" not in caplog.text
