"""Helpers for tests of the OpenAI dialect: frames as bytes, reading a stream in pieces, and joining its chunks as a client does."""

from itertools import pairwise
from typing import Any

import orjson

from apps.providers.adapters.openai.chat import CODEC
from apps.providers.types import ChatChunk, Preset, Usage
from tests.factories import make_offer

DONE = b"data: [DONE]\n\n"
TEXT_FIELDS = ("content", "reasoning_content", "refusal")
codec = CODEC
WITH_ANNEX = Preset(annex="x_groq")


def frame(delta: Any = None, finish_reason: Any = None, **more: Any) -> bytes:
    """One SSE frame; `delta` None for a frame with no choices, `choice` for further fields of the choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason} | more.pop("choice", {})
    choices = [] if delta is None else [choice]
    return raw(
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": choices} | more
    )


def raw(payload: Any, event: str = "") -> bytes:
    name = f"event: {event}\n" if event else ""
    return name.encode() + b"data: " + orjson.dumps(payload) + b"\n\n"


def text_frames(*texts: str) -> bytes:
    return b"".join(frame({"content": text}) for text in texts)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def read(*reads: bytes, **offer: Any) -> list[ChatChunk]:
    """Every chunk of a stream whose body arrives in these reads, to its end."""
    stream = codec.open_stream(make_offer(**({"preset": WITH_ANNEX} | offer)))
    chunks = [chunk for data in reads for chunk in stream.feed(data)]
    return chunks + stream.finish()


def joined(chunks: list[ChatChunk]) -> tuple[dict[str, Any], str | None, Usage | None]:
    """(message, finish reason, usage) as a client puts choice 0 together."""
    message: dict[str, Any] = {}
    calls: dict[int, dict[str, Any]] = {}
    finishes, usage = [], None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            finishes += [choice["finish_reason"]] if choice["finish_reason"] else []
            delta = dict(choice["delta"])
            assert "role" not in delta
            for call in delta.pop("tool_calls", ()):
                _join_call(calls, call)
            for name, value in delta.items():
                message[name] = message.get(name, "") + value if name in TEXT_FIELDS else value
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    assert len(finishes) <= 1
    return message, finishes[0] if finishes else None, usage


def _join_call(calls: dict[int, dict[str, Any]], delta: dict[str, Any]) -> None:
    """Add a fragment, name and id included: a client that adds strings up must not get one twice."""
    call = calls.setdefault(delta["index"], {"function": {"name": "", "arguments": ""}})
    for name, value in delta.get("function", {}).items():
        call["function"][name] += value
    for name, value in delta.items():
        if name not in ("index", "function"):
            assert name not in call
            call[name] = value


def whole(
    message: dict[str, Any], finish_reason: Any = "stop", **more: Any
) -> tuple[dict[str, Any], str, Usage | None]:
    """(message, finish reason, usage) of the whole answer, its message without the role and what is empty."""
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]} | more
    offer = more.pop("offer", None) or make_offer()
    result = codec.parse(orjson.dumps({name: body[name] for name in body if name != "offer"}), offer)
    read_choice = result.choices[0]
    read_message = {name: value for name, value in read_choice["message"].items() if name != "role" and value}
    return read_message, read_choice["finish_reason"], result.usage
