"""The arguments of one call, as they come in pieces: where their JSON object ends, and that there is one."""

import re
from typing import Final

import orjson

from apps.core.json_types import JSONObject
from apps.providers.errors import ErrorKind, UpstreamError

MARKS: Final = re.compile(r'["\\{}\[\]]')
MAX_CHARS: Final = 4 * 1024 * 1024


class Arguments:
    """`is_complete`: the object has ended. What comes behind it is left out: clients fail over a `{}` too much."""

    __slots__ = ("_depth", "_escaped", "_in_string", "_parts", "_size", "is_complete")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._depth = 0
        self._in_string = False
        self._escaped = -1
        self.is_complete = False

    def feed(self, text: str) -> str:
        """What of a piece belongs to the object. Raises UpstreamError(PARSING) where it is none, or too much."""
        if self.is_complete:
            return ""
        if not self._depth:
            text = text.lstrip()
            if text and not text.startswith("{"):
                raise unreadable()
        text = text[: self._end(text)]
        self._size += len(text)
        if self._size > MAX_CHARS:
            raise UpstreamError(ErrorKind.PARSING, "The upstream sent too long arguments for a tool.")
        self._parts.append(text)
        return text

    def close(self) -> None:
        """Nothing more comes. No arguments at all are an empty object. Raises UpstreamError(PARSING)."""
        read("".join(self._parts))

    def _end(self, text: str) -> int:
        """Behind the brace that ends the object, else the length of the text."""
        for mark in MARKS.finditer(text):
            at, char = mark.start(), mark[0]
            if self._escaped == at:
                self._escaped = -1
            elif self._in_string:
                if char == "\\":
                    self._escaped = at + 1
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    self.is_complete = True
                    return at + 1
        self._escaped = 0 if self._escaped == len(text) else -1
        return len(text)


def read(arguments: str) -> JSONObject:
    """Whole arguments. Raises UpstreamError(PARSING) where they are no JSON object."""
    if not arguments.strip():
        return {}
    try:
        made = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        raise unreadable() from None
    if not isinstance(made, dict):
        raise unreadable()
    return made


def unreadable() -> UpstreamError:
    return UpstreamError(ErrorKind.PARSING, "The arguments of a tool call are no JSON object.")
