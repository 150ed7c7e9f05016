"""ChatResult and ChatChunk -> OpenAI's JSON, with FreeAI's own fields. `choices` were normalised by the adapters."""

from collections.abc import Callable
from typing import Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.answering.calls import TEXTS, said_size
from apps.gateway.wire.events import COMMENT
from apps.providers.types import ChatChunk, ChatResult, Usage

DONE = b"data: [DONE]\n\n"
ENDING = ("finish_reason", "native_finish_reason")


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

    `role` is put on the first delta of each choice. Finish reasons are held back until the end: the last data frame carries
    `fallback_chain` and `latency_ms`, and calls may come behind a "stop". `include_usage` as the client asked: then every frame has
    `usage: null` and the last one the usage with `choices: []`. `last`: what goes on the last data frame, asked for when it is written.
    """

    __slots__ = (
        "_closing", "_finishes", "_last", "_opening", "_roles", "_usage_wanted", "characters", "usage"
    )  # fmt: skip

    def __init__(self, members: JSONObject, last: Callable[[], JSONObject], *, include_usage: bool) -> None:
        self._last = last
        head = orjson.dumps({"object": "chat.completion.chunk", **members})
        self._opening = b"data: " + head[:-1] + b',"choices":'
        self._closing = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._usage_wanted = include_usage
        self._finishes: dict[int, JSONObject] = {}
        self._roles: set[int] = set()
        self.usage: Usage | None = None
        self.characters = 0

    alive: Final = COMMENT

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The frames of these chunks, as one write; empty when nothing is to be sent yet."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            choices = chunk.choices
            finished = False
            for choice in choices:
                delta = choice["delta"]
                text = delta.get("content")
                self.characters += len(text) if text and len(delta) == 1 else _size(delta)
                if choice["index"] not in self._roles:
                    self._roles.add(choice["index"])
                    choice["delta"] = {"role": "assistant", "content": "", **delta}
                finished = finished or choice["finish_reason"] is not None
            if finished:
                choices = [choice for choice in choices if self._says_more(choice)]
            if choices:
                out.append(self._frame(choices))
        return b"".join(out)

    def end(self, usage: Usage) -> bytes:
        """What is held back, the usage frame if asked for, and [DONE]."""
        tail = b"," + orjson.dumps(self._last())[1:]
        closing: list[list[JSONObject]] = [[choice] for choice in self._finishes.values()]
        if self._usage_wanted:
            final = self._opening + b'[],"usage":' + orjson.dumps(usage_body(usage)) + tail
        else:
            final = self._opening + orjson.dumps(closing.pop() if closing else []) + tail
        self._finishes.clear()
        return b"".join([*map(self._frame, closing), final, b"\n\n", DONE])

    def _says_more(self, choice: JSONObject) -> bool:
        """Hold back why the choice ended; whether it says anything beside that."""
        ending = {name: choice[name] for name in ENDING if name in choice}
        if ending["finish_reason"] is None:
            return True
        self._finishes[choice["index"]] = {"index": choice["index"], "delta": {}, **ending}
        for name in ENDING:
            choice.pop(name, None)
        choice["finish_reason"] = None
        return bool(choice["delta"]) or choice.get("logprobs") is not None

    def _frame(self, choices: list[JSONObject]) -> bytes:
        return self._opening + orjson.dumps(choices) + self._closing


def _size(delta: JSONObject) -> int:
    """Characters of its texts and of what tools are given, for the usage estimate."""
    return sum(len(delta.get(name) or "") for name in TEXTS) + sum(
        map(said_size, delta.get("tool_calls") or ())
    )
