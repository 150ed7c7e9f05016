"""The items of an answer, as they come: each says by which events it begins, grows and ends, and what it is at last.

An event is its type and its members; numbers and bytes are `events`'s. A whole answer is read as a stream of one chunk, so that both say
the same.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire.names import Declared
from apps.gateway.endpoints.responses.wire.tools import INPUT

Event = tuple[str, JSONObject]
COMPLETED: Final = "completed"
INCOMPLETE: Final = "incomplete"
PENDING: Final = "in_progress"
ADDED: Final = "response.output_item.added"
DONE: Final = "response.output_item.done"
EMPTY_OBJECT: Final = "{}"

Seal = Callable[[str], str | None]


class Item(Protocol):
    """One item. `item`: what it is by now; `kept`: as a later turn needs it."""

    def begin(self) -> Iterator[Event]: ...

    def end(self, status: str) -> Iterator[Event]: ...

    def item(self) -> JSONObject: ...

    def kept(self) -> JSONObject: ...


class Thought:
    """What the model thought: as a summary where that was asked for, which clients show; sealed for a later turn."""

    def __init__(self, place: JSONObject, seal: Seal, *, is_shown: bool, is_sealed: bool) -> None:
        self._at = place
        self._seal = seal
        self._is_shown = is_shown
        self._is_sealed = is_sealed
        self._texts: list[str] = []
        self._token: str | None = None

    def begin(self) -> Iterator[Event]:
        yield ADDED, {"output_index": self._at["output_index"], "item": self.item()}
        if self._is_shown:
            yield (
                "response.reasoning_summary_part.added",
                {**self._at, "summary_index": 0, "part": _summary("")},
            )

    def take(self, text: str) -> Iterator[Event]:
        """More of it."""
        self._texts.append(text)
        if self._is_shown:
            yield "response.reasoning_summary_text.delta", {**self._at, "summary_index": 0, "delta": text}

    def end(self, status: str) -> Iterator[Event]:
        text = "".join(self._texts)
        self._token = self._seal(text) if text else None
        if self._is_shown:
            at = {**self._at, "summary_index": 0}
            yield "response.reasoning_summary_text.done", {**at, "text": text}
            yield "response.reasoning_summary_part.done", {**at, "part": _summary(text)}
        yield DONE, {"output_index": self._at["output_index"], "item": self.item()}

    def item(self) -> JSONObject:
        shown = self._is_shown and self._texts
        return {
            "type": "reasoning",
            "id": self._at["item_id"],
            "summary": [_summary("".join(self._texts))] if shown else [],
            "encrypted_content": self._token if self._is_sealed else None,
        }

    def kept(self) -> JSONObject:
        return self.item() | {"encrypted_content": self._token}


class _Part:
    """One content part of a message: a text, or a refusal."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.texts: list[str] = []
        self.logprobs: list[Any] = []

    def part(self) -> JSONObject:
        text = "".join(self.texts)
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": self.logprobs}


class Message:
    """What the model said."""

    def __init__(self, place: JSONObject) -> None:
        self._at = place
        self._parts: list[_Part] = []
        self._status = PENDING

    def begin(self) -> Iterator[Event]:
        yield ADDED, {"output_index": self._at["output_index"], "item": self.item()}

    def take(self, kind: str, text: str, logprobs: list[Any]) -> Iterator[Event]:
        """More of it. `kind`: output_text, or refusal."""
        if not self._parts or self._parts[-1].kind != kind:
            yield from self._end_part()
            self._parts.append(_Part(kind))
            yield "response.content_part.added", {**self._place(), "part": self._parts[-1].part()}
        part = self._parts[-1]
        part.texts.append(text)
        part.logprobs += logprobs
        told = {"logprobs": logprobs} if kind == "output_text" else {}
        yield f"response.{kind}.delta", {**self._place(), "delta": text, **told}

    def end(self, status: str) -> Iterator[Event]:
        yield from self._end_part()
        self._status = status
        yield DONE, {"output_index": self._at["output_index"], "item": self.item()}

    def item(self) -> JSONObject:
        return {
            "type": "message",
            "id": self._at["item_id"],
            "status": self._status,
            "role": "assistant",
            "content": [part.part() for part in self._parts],
        }

    kept = item

    def _end_part(self) -> Iterator[Event]:
        if not self._parts:
            return
        part = self._parts[-1].part()
        told: JSONObject = {name: part[name] for name in ("text", "refusal", "logprobs") if name in part}
        yield f"response.{part['type']}.done", {**self._place(), **told}
        yield "response.content_part.done", {**self._place(), "part": part}

    def _place(self) -> JSONObject:
        return {**self._at, "content_index": len(self._parts) - 1}


class Call:
    """A call of a tool, in the words in which the client declared it. What a custom tool is given can be told only when all is here."""

    def __init__(self, place: JSONObject, call_id: str, declared: Declared) -> None:
        self._at = place
        self._call_id = call_id
        self._tool = declared
        self._arguments: list[str] = []
        self._status = PENDING

    def begin(self) -> Iterator[Event]:
        yield ADDED, {"output_index": self._at["output_index"], "item": self.item()}

    def take(self, arguments: str) -> Iterator[Event]:
        """More of its arguments."""
        self._arguments.append(arguments)
        if self._tool.kind == "function":
            yield "response.function_call_arguments.delta", {**self._at, "delta": arguments}

    def end(self, status: str) -> Iterator[Event]:
        self._status = status
        if self._tool.kind == "custom":
            text = self._input()
            yield "response.custom_tool_call_input.delta", {**self._at, "delta": text}
            yield "response.custom_tool_call_input.done", {**self._at, "input": text}
        else:
            if not self._arguments and status == COMPLETED:  # clients read them as JSON
                yield from self.take(EMPTY_OBJECT)
            arguments = "".join(self._arguments)
            yield (
                "response.function_call_arguments.done",
                {**self._at, "name": self._tool.name, "arguments": arguments},
            )
        yield DONE, {"output_index": self._at["output_index"], "item": self.item()}

    def item(self) -> JSONObject:
        tool = self._tool
        is_custom = tool.kind == "custom"
        said = {"input": self._input()} if is_custom else {"arguments": "".join(self._arguments)}
        return {
            "type": "custom_tool_call" if is_custom else "function_call",
            "id": self._at["item_id"],
            "call_id": self._call_id,
            "name": tool.name,
            **({"namespace": tool.namespace} if tool.namespace else {}),
            **said,
            "status": self._status,
        }

    kept = item

    def _input(self) -> str:
        """The one text in the arguments; all of them where there is none: models forget that they have to wrap it."""
        if self._status == PENDING:
            return ""
        arguments = "".join(self._arguments)
        try:
            made = orjson.loads(arguments)
        except orjson.JSONDecodeError:
            return arguments
        text = made.get(INPUT) if isinstance(made, dict) else None
        return text if isinstance(text, str) else arguments


def _summary(text: str) -> JSONObject:
    return {"type": "summary_text", "text": text}
