"""ChatChunks -> the items of an answer, in the order in which they begin.

What the model thinks, says and calls are items of their own. A thought or a text ends where something else begins; calls end with the
answer, since their arguments may come in turns, and since clients run what has ended.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import Any, Final

import orjson
from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.calls import function_of
from apps.gateway.endpoints.responses.wire.names import Declared
from apps.gateway.endpoints.responses.wire.output import (
    COMPLETED,
    INCOMPLETE,
    Call,
    Event,
    Item,
    Message,
    Seal,
    Thought,
)
from apps.providers.errors import ErrorKind, UpstreamError

TEXTS: Final = (("content", "output_text"), ("refusal", "refusal"))


class Showing(Struct, frozen=True, kw_only=True):
    """How an answer is told. `answer_id`: hex, which the ids of its items hold. `declared`: the client's tools by the name that the
    upstream heard."""

    answer_id: str
    declared: Mapping[str, Declared]
    shows_thinking: bool
    seals_thinking: bool
    seal: Seal


MOST_ITEMS: Final = 10_000
MOST_LOGPROBS_BYTES: Final = 8 * 1024 * 1024
"""Encoded; in memory they are some twenty times as much. 4,000 tokens with twenty others each have 5 MB."""


class Answer:
    """`items`: by now. `characters`: of all of it, for an estimate of its tokens. All of it is kept, since the end says it once more."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing
        self._calls: dict[int, Call] = {}
        self._open: Thought | Message | None = None
        self.items: list[Item] = []
        self.characters = 0
        self._logprobs_bytes = 0

    def take(self, delta: JSONObject, logprobs: list[Any]) -> Iterator[Event]:
        """More of the answer: a chunk's delta, or a whole message. `logprobs`: of its text. Raises UpstreamError(PARSING) where it becomes
        too much to keep."""
        if logprobs:
            self._logprobs_bytes += len(orjson.dumps(logprobs))
            if self._logprobs_bytes > MOST_LOGPROBS_BYTES:
                raise _too_much("log probabilities")
        if thought := delta.get("reasoning_content"):
            self.characters += len(thought)
            open_thought = yield from self._thinking()
            yield from open_thought.take(thought)
        for name, kind in TEXTS:
            if text := delta.get(name):
                self.characters += len(text)
                message = yield from self._speaking()
                yield from message.take(kind, text, logprobs if kind == "output_text" else [])
        for at, call in enumerate(delta.get("tool_calls") or ()):
            yield from self._called(call, call.get("index", at))

    def finish(self, *, is_cut: bool) -> Iterator[Event]:
        """The end of all that is open. `is_cut`: in the middle, by a limit or a filter."""
        status = INCOMPLETE if is_cut else COMPLETED
        yield from self._end_open(status)
        for call in self._calls.values():
            yield from call.end(status)
        self._calls = {}

    def _called(self, delta: JSONObject, index: int) -> Iterator[Event]:
        function = function_of(delta)
        call = self._calls.get(index)
        if call is None:
            yield from self._end_open(COMPLETED)
            name = function.get("name") or ""
            declared = self._showing.declared.get(name) or Declared("function", name)
            place = self._place("ctc" if declared.kind == "custom" else "fc")
            call = self._calls[index] = Call(place, delta["id"], declared)
            yield from self._begin(call)
        if arguments := function.get("arguments"):
            self.characters += len(arguments)
            yield from call.take(arguments)

    def _thinking(self) -> Generator[Event, None, Thought]:
        """The thought that is open, or a new one."""
        if isinstance(self._open, Thought):
            return self._open
        yield from self._end_open(COMPLETED)
        showing = self._showing
        self._open = thought = Thought(
            self._place("rs"), showing.seal, is_shown=showing.shows_thinking, is_sealed=showing.seals_thinking
        )
        yield from self._begin(thought)
        return thought

    def _speaking(self) -> Generator[Event, None, Message]:
        """The message that is open, or a new one."""
        if isinstance(self._open, Message):
            return self._open
        yield from self._end_open(COMPLETED)
        self._open = message = Message(self._place("msg"))
        yield from self._begin(message)
        return message

    def _begin(self, item: Item) -> Iterator[Event]:
        if len(self.items) >= MOST_ITEMS:
            raise _too_much("items")
        self.items.append(item)
        return item.begin()

    def _end_open(self, status: str) -> Iterator[Event]:
        if self._open is not None:
            yield from self._open.end(status)
            self._open = None

    def _place(self, prefix: str) -> JSONObject:
        at = len(self.items)
        return {"item_id": f"{prefix}_{self._showing.answer_id}_{at}", "output_index": at}


def _too_much(what: str) -> UpstreamError:
    return UpstreamError(ErrorKind.PARSING, f"The upstream's answer has too many {what}.")
