"""ChatResult and ChatChunk -> OpenAI's JSON, with FreeAI's own fields. `choices` were normalised by the adapters."""

import orjson

from apps.core.json_types import JSONObject
from apps.providers.types import ChatChunk, ChatResult, Usage

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def usage_body(usage: Usage) -> JSONObject:
    """OpenAI's usage object; `estimated` only where it is."""
    body: JSONObject = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
    if usage.estimated:
        body["estimated"] = True
    return body


def whole(result: ChatResult, usage: Usage, members: JSONObject) -> bytes:
    """A chat.completion. `members`: id, created, model and FreeAI's own fields."""
    return orjson.dumps(
        {
            **result.extras,
            "object": "chat.completion",
            **members,
            "choices": result.choices,
            "usage": usage_body(usage),
        }
    )


class FrameWriter:
    """Renders one stream: `frames` for every batch of chunks, `end` once.

    `role` is put on the first delta of each choice. The frame with the finish reason is held back until the end, because the last
    data frame carries `fallback_chain` and `latency_ms`. `include_usage` as the client asked: then every frame has `usage: null` and
    the last one the usage with `choices: []`.
    """

    __slots__ = ("_closing", "_held", "_opening", "_roles", "_usage_wanted", "characters", "usage")

    def __init__(self, members: JSONObject, *, include_usage: bool) -> None:
        head = orjson.dumps({"object": "chat.completion.chunk", **members})
        self._opening = b"data: " + head[:-1] + b',"choices":'
        self._closing = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._usage_wanted = include_usage
        self._held: list[JSONObject] | None = None
        self._roles: set[int] = set()
        self.usage: Usage | None = None
        self.characters = 0

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The frames of these chunks, as one write; empty when nothing is to be sent yet."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            if not chunk.choices:
                continue
            if self._held is not None:
                out.append(self._frame(self._held))
                self._held = None
            finished = False
            for choice in chunk.choices:
                delta = choice["delta"]
                if choice["index"] not in self._roles:
                    self._roles.add(choice["index"])
                    choice["delta"] = {"role": "assistant", "content": "", **delta}
                text = delta.get("content")
                self.characters += len(text) if text else _other_size(delta)
                finished = finished or choice["finish_reason"] is not None
            if finished:
                self._held = chunk.choices
            else:
                out.append(self._frame(chunk.choices))
        return b"".join(out)

    def end(self, usage: Usage, last: JSONObject) -> bytes:
        """What is held back, the usage frame if asked for, and [DONE]. `last` goes on the last data frame."""
        tail = b"," + orjson.dumps(last)[1:]
        out = b""
        if self._usage_wanted:
            if self._held is not None:
                out = self._frame(self._held)
            out += self._opening + b'[],"usage":' + orjson.dumps(usage_body(usage)) + tail + b"\n\n"
        else:
            out = self._opening + orjson.dumps(self._held or []) + tail + b"\n\n"
        self._held = None
        return out + DONE

    def _frame(self, choices: list[JSONObject]) -> bytes:
        return self._opening + orjson.dumps(choices) + self._closing


def _other_size(delta: JSONObject) -> int:
    """Characters of reasoning text and tool arguments, for the usage estimate."""
    size = len(delta.get("reasoning_content") or "")
    for call in delta.get("tool_calls") or ():
        size += len((call.get("function") or {}).get("arguments") or "")
    return size
