"""What goes over the wire: a request of 600 bytes, an answer of 660, and streams whose shape the request names.

`frames_200_0` anywhere in a request's body asks for 200 content frames as fast as possible, `frames_50_100` for 50 of them, 100 ms
apart. It stands in the message rather than in the model's name, so that one candidate per provider serves all of them.
"""

import re
from typing import Any, NamedTuple

import orjson

PATH = "/v1/chat/completions"
PROVIDER_KEY = "bench-provider-key-0000"
REQUEST_BYTES = 600
ANSWER_BYTES = 660
MODEL = "bench-model"
FAST, SLOW = "frames_{count}_0", "frames_50_100"
SLOW_IDEAL_S = 5.0
DONE = b"data: [DONE]\n\n"
MAX_FRAMES = 5_000

_SHAPE = re.compile(rb"frames_(\d{1,5})_(\d{1,5})")
_STREAM = re.compile(rb'"stream":\s*true')
_USAGE = re.compile(rb'"include_usage":\s*true')
_WORDS = (
    "The quiet river carries every answer to a patient reader while small lamps keep watch over long roads. "
)
_COMMON = {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "created": 1_741_569_952, "model": MODEL}
_COUNTS = {"prompt_tokens": 119, "completion_tokens": 32, "total_tokens": 151}


class Shape(NamedTuple):
    """How to answer: `frames` content frames, `interval_s` apart; `usage`: a usage frame at the end."""

    frames: int
    interval_s: float
    usage: bool


def read_shape(body: bytes | bytearray) -> Shape | None:
    """The stream that a request's body asks for; None for a whole answer."""
    if not _STREAM.search(body):
        return None
    usage = _USAGE.search(body) is not None
    named = _SHAPE.search(body)
    if named is None:
        return Shape(20, 0.0, usage)
    return Shape(min(int(named[1]), MAX_FRAMES), int(named[2]) / 1000, usage)


def request_body(model: str, shape: str = "", text: str = "") -> bytes:
    """A chat request of REQUEST_BYTES, or with this text; a stream when `shape` (`frames_200_0`) is given."""
    body: dict[str, Any] = {"model": model, "messages": [], "temperature": 0.7, "max_tokens": 256}
    if shape:
        body["stream"] = True
    user = {"role": "user", "content": f"{shape} "}
    body["messages"] = [{"role": "system", "content": "You are a helpful assistant."}, user]
    missing = REQUEST_BYTES - len(orjson.dumps(body))
    user["content"] += text or (_WORDS * 10)[:missing]
    return orjson.dumps(body)


def http_request(address: tuple[str, int], path: str, key: str, body: bytes) -> bytes:
    """A whole POST, ready to be written to a connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nAuthorization: Bearer {key}\r\n"
        f"Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def whole_answer() -> bytes:
    """An OpenAI chat.completion of ANSWER_BYTES."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None, "annotations": []}
    details = {
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    answer = {
        **_COMMON,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _COUNTS | details,
        "service_tier": "default",
    }
    message["content"] = (_WORDS * 4)[: ANSWER_BYTES - len(orjson.dumps(answer))]
    return orjson.dumps(answer)


def frame(delta: dict[str, str], *, finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    """One `chat.completion.chunk` as a server-sent event, about 200 bytes; with `usage` the one without choices."""
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    event: dict[str, Any] = {
        **_COMMON,
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "choices": [] if usage else choices,
    }
    if usage:
        event["usage"] = usage
    return b"data: " + orjson.dumps(event) + b"\n\n"


FIRST_FRAME = frame({"role": "assistant", "content": "The"})
CONTENT_FRAME = frame({"content": " river"})
FINISH_FRAME = frame({}, finish="stop")
USAGE_FRAME = frame({}, usage=_COUNTS)
