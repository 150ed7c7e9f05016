"""Calls of tools as surfaces tell them on which arguments are an object: whole, with what was read of their JSON."""

from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.arguments import Arguments, read
from apps.providers.adapters.shared.missed import lost
from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.errors import UpstreamError

CUT: Final = "length"
"""Why an answer ended whose last call may be half of one."""


TEXTS: Final = ("content", "reasoning_content", "refusal")
"""Of a message or a delta."""


class Call(Struct, frozen=True):
    """One call. `input`: its arguments."""

    id: str
    name: str
    input: JSONObject


def calls_of(message: JSONObject, *, is_cut: bool) -> list[Call]:
    """Those of a whole message. One whose arguments the end of an answer cut off is none. Raises UpstreamError(PARSING)."""
    made: list[Call] = []
    for call in message.get("tool_calls") or ():
        function = function_of(call)
        try:
            arguments = read(function.get("arguments") or "")
        except UpstreamError:
            if not is_cut:
                raise
        else:
            made.append(Call(call["id"], function["name"], arguments))
    return made


def said_size(call: JSONObject) -> int:
    """Characters of its arguments, or of the text that a custom tool is given, in a message or a delta."""
    return len(as_text(as_dict(call.get("function")).get("arguments"))) + len(
        as_text(as_dict(call.get("custom")).get("input"))
    )


def function_of(call: JSONObject) -> JSONObject:
    """That of a call of a message or a delta. Raises UpstreamError(PARSING) for one of a custom tool, which only requests in chat's shape
    can ask for: its text is no object."""
    if "custom" in call:
        raise lost()
    return call.get("function") or {}


class GatheredCalls:
    """Those of a stream, as they come in pieces."""

    __slots__ = ("_calls", "_heads")

    def __init__(self) -> None:
        self._heads: dict[int, JSONObject] = {}
        self._calls: dict[int, tuple[Arguments, list[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._heads)

    def take(self, delta: JSONObject) -> int:
        """More of one, as chat's delta has it; how many characters of arguments it brought. Raises UpstreamError(PARSING)."""
        at, function = delta["index"], function_of(delta)
        if at not in self._heads:
            self._heads[at] = {"id": delta["id"], "function": {"name": function.get("name") or ""}}
            self._calls[at] = Arguments(), []
        arguments, pieces = self._calls[at]
        text = function.get("arguments") or ""
        pieces.append(arguments.feed(text))
        return len(text)

    def whole(self, *, is_cut: bool) -> list[Call]:
        """All of them, in the order in which they began. Raises UpstreamError(PARSING)."""
        for at, head in self._heads.items():
            head["function"]["arguments"] = "".join(self._calls[at][1])
        return calls_of({"tool_calls": list(self._heads.values())}, is_cut=is_cut)
