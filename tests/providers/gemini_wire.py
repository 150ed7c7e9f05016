"""Gemini's answers as recorded from its API, and their way through the codec."""

from itertools import pairwise
from typing import Any

import orjson
import pytest

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.errors import UpstreamError
from apps.providers.types import ChatResult, Usage
from tests.factories import make_offer

OFFER = make_offer(provider="gemini", model="gemini-2.5-flash")
USAGE = {
    "promptTokenCount": 4,
    "candidatesTokenCount": 2,
    "totalTokenCount": 30,
    "thoughtsTokenCount": 24,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
}
COUNTED = Usage(prompt_tokens=4, completion_tokens=26, reasoning_tokens=24)


def frame(*parts, finish=None, index=0, **fields) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": index}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "modelVersion": "gemini-2.5-flash",
        "responseId": "abc",
        **fields,
    }


def call_part(name="get_weather", args=None, **fields):
    return {"functionCall": {"name": name, "args": args or {"city": "Rome"}}, **fields}


def sse(*frames, line_end=b"\r\n") -> bytes:
    return b"".join(b"data: " + orjson.dumps(each) + line_end * 2 for each in frames)


def parse(document) -> ChatResult:
    return CODEC.parse(orjson.dumps(document), OFFER)


def stream(body: bytes, *cuts: int) -> ChatResult:
    """The joined answer of a body that arrives split at `cuts`."""
    reader = CODEC.open_stream(OFFER)
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    chunks = []
    for start, end in pairwise(places):
        chunks += reader.feed(body[start:end])
    chunks += reader.finish()
    assert reader.done
    return join_chunks(chunks)


def failure(function, *arguments) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        function(*arguments)
    return caught.value
