"""Cohere's answers as its API reference has them, and their way through the codec."""

from itertools import pairwise
from typing import Any

import orjson
import pytest

from apps.providers.adapters.cohere.chat import CODEC
from apps.providers.catalogue_files import read_catalogue
from apps.providers.errors import UpstreamError
from apps.providers.presets import parse_preset
from apps.providers.types import ChatChunk, ChatResult, Usage
from fakes.answers import Asked
from fakes.upstreams.cohere_rules import check_chat
from tests.factories import make_offer, make_request
from tests.providers.openai_wire import joined

PRESET = next(parse_preset(entry.wire) for entry in read_catalogue() if entry.name == "cohere")
BASE_URL = "https://upstream.test/v2"
OFFER = make_offer(provider="cohere", model="command-a-03-2025", preset=PRESET, base_url=BASE_URL)
THINKER = make_offer(
    provider="cohere",
    model="command-a-reasoning-08-2025",
    preset=PRESET,
    base_url=BASE_URL,
    capabilities=frozenset({"tools", "reasoning"}),
)
USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 2},
    "tokens": {"input_tokens": 71, "output_tokens": 4},
}
COUNTED = Usage(prompt_tokens=71, completion_tokens=4)
codec = CODEC


def sent(offer=OFFER, *, stream=False, **body: Any) -> dict[str, Any]:
    """The payload for `body`, which the strict fake has let pass."""
    body.setdefault("messages", [{"role": "user", "content": "Hello"}])
    cap = body.get("max_completion_tokens", body.get("max_tokens"))
    request = make_request(body=body, stream=stream, max_tokens=cap)
    payload = orjson.loads(codec.build(request, offer).body)
    check_chat(Asked(family="chat", model=offer.model, body=payload))
    return payload


def answer(*content, finish="COMPLETE", **message) -> dict[str, Any]:
    """A whole answer."""
    fields = {"content": list(content)} if content else {}
    return {
        "id": "c14c80c3",
        "finish_reason": finish,
        "message": {"role": "assistant", **fields, **message},
        "usage": USAGE,
    }


def text(words):
    return {"type": "text", "text": words}


def call(call_id="get_weather_k3x9", name="get_weather", arguments='{"city":"Rome"}'):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def event(kind, message=None, *, name=True, **fields) -> bytes:
    """One event; `message` is what its delta's message holds."""
    delta = {} if message is None else {"delta": {"message": message}}
    line = f"event: {kind}\n".encode() if name else b""
    return line + b"data: " + orjson.dumps({"type": kind, **delta, **fields}) + b"\n\n"


START = event(
    "message-start", {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}, id="c14c80c3"
)


def said(*pieces, kind="text", index=0) -> bytes:
    """A block of content."""
    begun = {"content": {"type": kind, kind: ""}}
    deltas = [event("content-delta", {"content": {kind: piece}}, index=index) for piece in pieces]
    return b"".join([event("content-start", begun, index=index), *deltas, event("content-end", index=index)])


def called(index, *arguments, call_id="get_weather_k3x9", name="get_weather") -> bytes:
    """The events of one call; `arguments` are its fragments."""
    begun = {"id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    fragments = [{"tool_calls": {"function": {"arguments": piece}}} for piece in arguments]
    deltas = [event("tool-call-delta", fragment, index=index) for fragment in fragments]
    start = event("tool-call-start", {"tool_calls": begun}, index=index)
    return b"".join([start, *deltas, event("tool-call-end", index=index)])


def end(finish="COMPLETE", **delta) -> bytes:
    return event("message-end", delta={"finish_reason": finish, "usage": USAGE, **delta})


def parse(document, offer=OFFER) -> ChatResult:
    return codec.parse(orjson.dumps(document), offer)


def read(body: bytes, *cuts: int, offer=OFFER) -> list[ChatChunk]:
    """The chunks of a body that arrives split at `cuts`."""
    reader = codec.open_stream(offer)
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    chunks = [chunk for start, stop in pairwise(places) for chunk in reader.feed(body[start:stop])]
    chunks += reader.finish()
    assert reader.done
    return chunks


def put_together(chunks: list[ChatChunk]) -> tuple[dict[str, Any], str | None, Usage | None]:
    """(message, finish reason, usage) as a client joins them, citations included."""
    citations = [
        citation
        for chunk in chunks
        for choice in chunk.choices
        for citation in choice["delta"].get("citations", ())
    ]
    message, finish, usage = joined(chunks)
    return message | ({"citations": citations} if citations else {}), finish, usage


def taken_apart(result: ChatResult) -> tuple[dict[str, Any], str, Usage | None]:
    """The same of a whole answer, without the role and what is empty."""
    choice = result.choices[0]
    message = {name: value for name, value in choice["message"].items() if name != "role" and value}
    return message, choice["finish_reason"], result.usage


def failure(function, *arguments, **named) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        function(*arguments, **named)
    return caught.value
