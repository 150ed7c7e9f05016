"""Chat answers -> OpenAI's text_completion, whole and streamed, with FreeAI's own fields."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.wire.events import COMMENT
from apps.providers.types import ChatChunk, ChatResult, Usage

DONE: Final = b"data: [DONE]\n\n"
FINISHES: Final = frozenset({"stop", "length", "content_filter"})
"""All that this surface has: what ends with calls has stopped."""


def usage_body(usage: Usage) -> JSONObject:
    """OpenAI's usage object; `estimated` only where it is."""
    body: JSONObject = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    return body | {"estimated": True} if usage.estimated else body


def choices_of(result: ChatResult, first: int, echo: str) -> list[JSONObject]:
    """The choices of one prompt's answer, numbered from `first` on; `echo` is what each begins with."""
    return [
        _choice(
            first + choice["index"],
            echo + (choice["message"].get("content") or ""),
            logprobs_of(choice.get("logprobs"), 0),
            choice["finish_reason"],
        )
        for choice in result.choices
    ]


def whole(choices: Sequence[JSONObject], usage: Usage, members: JSONObject) -> bytes:
    """A text_completion. `members`: id, created, model and FreeAI's own fields."""
    body = {"object": "text_completion", **members, "choices": choices, "usage": usage_body(usage)}
    return orjson.dumps(body)


def logprobs_of(told: Any, offset: int) -> JSONObject | None:
    """Chat's log probabilities as this surface has them; `offset`: where in its text the first token is. None where there are none."""
    entries = told.get("content") if isinstance(told, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return None
    tokens = [str(entry.get("token") or "") for entry in entries]
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token)
    return {
        "tokens": tokens,
        "token_logprobs": [entry.get("logprob") for entry in entries],
        "top_logprobs": [_alternatives(entry.get("top_logprobs")) for entry in entries],
        "text_offset": offsets,
    }


class FrameWriter:
    """Renders one stream: `frames` for every batch of chunks, `end` once. `echo`: the first delta of each of the `answers`. Finish reasons
    are held back until the end, as limits may come behind a "stop"."""

    __slots__ = (
        "_answers", "_closing", "_echo", "_finishes", "_last", "_offsets", "_opening", "_usage_wanted", "characters", "usage"
    )  # fmt: skip

    def __init__(
        self,
        members: JSONObject,
        last: Callable[[], JSONObject],
        *,
        include_usage: bool,
        echo: str,
        answers: int,
    ) -> None:
        self._last = last
        head = orjson.dumps({"object": "text_completion", **members})
        self._opening = b"data: " + head[:-1] + b',"choices":'
        self._closing = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._usage_wanted = include_usage
        self._finishes: dict[int, str] = {}
        self._offsets: dict[int, int] = {}
        self._echo = echo
        self._answers = answers
        self.usage: Usage | None = None
        self.characters = 0

    alive: Final = COMMENT

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The frames of these chunks, as one write; empty when nothing is to be sent yet."""
        out: list[JSONObject] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            for choice in chunk.choices:
                out += self._read(choice)
        if not out:
            return b""
        return b"".join([*map(self._frame, self._echoed()), *map(self._frame, out)])

    def end(self, usage: Usage) -> bytes:
        """What is held back, the usage frame if asked for, and [DONE]."""
        tail = b"," + orjson.dumps(self._last())[1:]
        closing = [_choice(index, "", None, finish) for index, finish in sorted(self._finishes.items())]
        out = [*map(self._frame, self._echoed())]
        if self._usage_wanted:
            final = self._opening + b'[],"usage":' + orjson.dumps(usage_body(usage)) + tail
        else:
            final = self._opening + orjson.dumps([closing.pop()] if closing else []) + tail
        return b"".join([*out, *map(self._frame, closing), final, b"\n\n", DONE])

    def _read(self, choice: JSONObject) -> list[JSONObject]:
        """What one choice of a chunk says here, if anything."""
        index, delta = choice["index"], choice["delta"]
        text = delta.get("content") or ""
        self.characters += len(text) + len(delta.get("reasoning_content") or "")
        if (finish := choice["finish_reason"]) is not None:
            self._finishes[index] = finish
        offset = self._offsets.get(index, 0)
        logprobs = logprobs_of(choice.get("logprobs"), offset)
        if not text and logprobs is None:
            return []
        self._offsets[index] = offset + len(text)
        return [_choice(index, text, logprobs, None)]

    def _echoed(self) -> list[JSONObject]:
        """The prompt, once, before everything else."""
        echo, self._echo = self._echo, ""
        return [_choice(index, echo, None, None) for index in range(self._answers)] if echo else []

    def _frame(self, choice: JSONObject) -> bytes:
        return self._opening + orjson.dumps([choice]) + self._closing


def _choice(index: int, text: str, logprobs: JSONObject | None, finish: str | None) -> JSONObject:
    said = finish if finish is None or finish in FINISHES else "stop"
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": said}


def _alternatives(told: Any) -> JSONObject:
    if not isinstance(told, list):
        return {}
    return {str(each.get("token")): each.get("logprob") for each in told if isinstance(each, dict)}
