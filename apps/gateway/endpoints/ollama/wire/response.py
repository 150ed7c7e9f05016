"""Answers as Ollama writes them: one object, or one a line."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.answering.calls import CUT, Call, GatheredCalls, calls_of
from apps.providers.types import ChatChunk, ChatResult, Usage

Way = Literal["chat", "generate"]
LINES: Final = "application/x-ndjson"
FINISHES: Final = {"length": "length"}
NS_PER_MS: Final = 1_000_000


def created(now: float) -> str:
    """A time as Ollama writes it. `now`: UTC epoch seconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def line(item: JSONObject) -> bytes:
    """One line of a stream."""
    return orjson.dumps(item) + b"\n"


def said(way: Way, text: str, thought: str = "", calls: Sequence[Call] = ()) -> JSONObject:
    """What an object says: a message, or a text. Arguments of calls are objects."""
    thinking: JSONObject = {"thinking": thought} if thought else {}
    if way == "generate":
        return {"response": text, **thinking}
    message: JSONObject = {"role": "assistant", "content": text, **thinking}
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"index": at, "name": call.name, "arguments": call.input}}
            for at, call in enumerate(calls)
        ]
    return {"message": message}


def ending(finish: Any, usage: Usage, latency_ms: int) -> JSONObject:
    """Members of the last object. Durations in nanoseconds; how long what took is not known here, but for the whole."""
    told: JSONObject = {
        "done": True,
        "done_reason": FINISHES.get(finish, "stop"),
        "total_duration": latency_ms * NS_PER_MS,
        "load_duration": 0,
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": 0,
        "eval_count": usage.completion_tokens,
        "eval_duration": latency_ms * NS_PER_MS,
    }
    if usage.estimated:
        told["estimated"] = True
    return told


def whole(
    way: Way, result: ChatResult, usage: Usage, members: JSONObject, *, shows_thinking: bool
) -> JSONObject:
    """An answer in one piece. `members`: model, time and FreeAI's own, `latency_ms` among them. Raises UpstreamError(PARSING)."""
    choice = result.choices[0]
    message, finish = choice["message"], choice.get("finish_reason")
    thought = message.get("reasoning_content") if shows_thinking else None
    text = (message.get("content") or "") + (message.get("refusal") or "")
    calls = calls_of(message, is_cut=finish == CUT)
    return {
        **members,
        **said(way, text, thought or "", calls),
        **ending(finish, usage, members["latency_ms"]),
    }


class LineWriter:
    """Renders one stream: `frames` for every batch of chunks, `end` once. Calls come whole, with the end.

    `members`: model, time and FreeAI's own, on every line. `last`: more of the last one, `latency_ms` among it, asked for when it is
    written.
    """

    def __init__(
        self, way: Way, members: JSONObject, last: Callable[[], JSONObject], *, shows_thinking: bool
    ) -> None:
        self._way = way
        self._members = members
        self._last = last
        self._shows_thinking = shows_thinking
        self._calls = GatheredCalls()
        self._finish: Any = None
        self.usage: Usage | None = None
        self.characters = 0

    @property
    def alive(self) -> bytes:
        return self._line(said(self._way, ""))

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The lines of these chunks, as one write. Raises UpstreamError(PARSING) for arguments that are no JSON object."""
        out: list[bytes] = []
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            for choice in chunk.choices:
                if choice["index"] == 0:
                    self._finish = choice["finish_reason"] or self._finish
                    out += self._read(choice["delta"])
        return b"".join(out)

    def end(self, usage: Usage) -> bytes:
        """The last lines. Raises UpstreamError(PARSING)."""
        out: list[bytes] = []
        if self._calls and self._way == "chat":
            calls = self._calls.whole(is_cut=self._finish == CUT)
            out.append(self._line(said(self._way, "", calls=calls)))
        last = self._last()
        ended = ending(self._finish, usage, last["latency_ms"])
        out.append(line({**self._members, **last, **said(self._way, ""), **ended}))
        return b"".join(out)

    def _read(self, delta: JSONObject) -> list[bytes]:
        thought = delta.get("reasoning_content") or ""
        text = (delta.get("content") or "") + (delta.get("refusal") or "")
        self.characters += len(thought) + len(text)
        for call in delta.get("tool_calls") or ():
            self.characters += self._calls.take(call)
        shown = thought if self._shows_thinking else ""
        return [self._line(said(self._way, text, shown))] if text or shown else []

    def _line(self, words: JSONObject) -> bytes:
        return line({**self._members, **words, "done": False})
