"""The chunks of a streamed chat completion."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson

from fakes.answers import Answer, Asked, Choice
from fakes.behaviours import Deviation

from .base import Deviations, Event
from .dialect import CREATED, Dialect, whole_tool_call

_ARGUMENT_CHARS = 8


class ChunkWriter:
    """Writes one answer as chunks: an opening one per choice, content, a closing one per choice, usage."""

    def __init__(self, dialect: Dialect, asked: Asked, answer: Answer, deviations: Deviations) -> None:
        self._dialect = dialect
        self._asked = asked
        self._answer = answer
        self._deviations = deviations
        self._usage = None if Deviation.NO_USAGE in deviations else dialect.usage(answer)
        in_last = Deviation.USAGE_IN_LAST in deviations
        self._usage_chunk = "last" if in_last else dialect.usage_chunk

    def events(self) -> Iterator[Event]:
        """All events but [DONE]. The choices of n > 1 take turns, as real ones do."""
        if self._dialect.prologue:
            yield Event(data=orjson.dumps({**self._head(), "choices": [], **self._dialect.prologue}))
        for index, choice in enumerate(self._answer.choices):
            yield self._opening(index, choice)
        deltas = [self._content_deltas(choice) for choice in self._answer.choices]
        for turn in zip_longest(*deltas):
            for index, delta in enumerate(turn):
                if delta is not None:
                    yield self._event(index, delta, content=True)
        for index, choice in enumerate(self._answer.choices):
            yield self._closing(index, choice)
        wanted = self._usage_chunk == "always" or (self._usage_chunk == "asked" and self._asked.include_usage)
        if self._usage is not None and wanted:
            yield Event(data=orjson.dumps({**self._head(), "choices": [], "usage": self._usage}))

    def _opening(self, index: int, choice: Choice) -> Event:
        content = None if choice.tool_calls and not choice.text else ""
        delta = {"role": "assistant", "content": content}
        return self._event(index, delta, **(self._dialect.opening if index == 0 else {}))

    def _closing(self, index: int, choice: Choice) -> Event:
        fields: dict[str, Any] = {}
        if index == len(self._answer.choices) - 1:
            fields = self._dialect.closing(self._usage)
            if self._usage is not None and self._usage_chunk == "last":
                fields["usage"] = self._usage
        return self._event(index, {}, choice=choice, **fields)

    def _event(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        content: bool = False,
        choice: Choice | None = None,
        **fields: Any,
    ) -> Event:
        """A chunk of one choice; `choice` is given in its last chunk only, where it finishes."""
        if Deviation.ROLE_EVERYWHERE in self._deviations:
            delta = {"role": "assistant", **delta}
        finish = self._dialect.finish(choice, self._deviations) if choice else {"finish_reason": None}
        entry = {"index": index, "delta": delta, "logprobs": None, **finish}
        return Event(data=orjson.dumps({**self._head(), "choices": [entry], **fields}), content=content)

    def _head(self) -> dict[str, Any]:
        head: dict[str, Any] = {
            "id": self._dialect.id_prefix + self._asked.digest,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self._asked.model,
            **self._dialect.extras,
        }
        if self._asked.include_usage and self._usage_chunk == "asked":
            head["usage"] = None
        return head

    def _content_deltas(self, choice: Choice) -> Iterator[dict[str, Any]]:
        for piece in choice.reasoning:
            yield self._dialect.reasoning_fields(piece)
        for piece in choice.text:
            yield {"content": piece}
        if not choice.tool_calls:
            return
        if Deviation.NO_INDEX in self._deviations:
            # Without an index only the position in the list tells calls apart, so they come in one chunk.
            yield {"tool_calls": [self._whole_call(choice, i) for i in range(len(choice.tool_calls))]}
            return
        for position in range(len(choice.tool_calls)):
            yield from self._tool_deltas(choice, position)

    def _whole_call(self, choice: Choice, position: int) -> dict[str, Any]:
        return whole_tool_call(self._dialect, self._asked, choice, position, self._deviations)

    def _tool_deltas(self, choice: Choice, position: int) -> Iterator[dict[str, Any]]:
        whole = {"index": position, **self._whole_call(choice, position)}
        if self._dialect.whole_tool_calls or Deviation.ARGS_OBJECT in self._deviations:
            yield {"tool_calls": [whole]}
            return
        call = choice.tool_calls[position]
        yield {"tool_calls": [{**whole, "function": {"name": call.name, "arguments": ""}}]}
        for start in range(0, len(call.arguments), _ARGUMENT_CHARS):
            fragment = call.arguments[start : start + _ARGUMENT_CHARS]
            yield {"tool_calls": [{"index": position, "function": {"arguments": fragment}}]}
