"""The two ways in which a stream of objects travels: as events (`alt=sse`), or as one JSON array.

Clients of Google's API read no comments in events, and some fail over them: what shows them that an answer goes on is a candidate with an
empty text. In an array a blank line does. Seen with google-genai 3.6.1 and @google/genai 2.32.0, 2026-11.
"""

from typing import Protocol

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.gemini.wire.response import NOTHING, candidate
from apps.gateway.wire.errors import JSON
from apps.gateway.wire.events import EVENTS


class Framing(Protocol):
    """Of one stream."""

    media_type: str

    def frame(self, item: JSONObject) -> bytes:
        """The next object."""
        ...

    def quiet(self) -> bytes:
        """What shows that there will be another one."""
        ...

    def end(self) -> bytes:
        """What ends the stream behind the last."""
        ...


class Events:
    """`data: {…}` and a blank line, with Google's line ends."""

    media_type: str = EVENTS

    def frame(self, item: JSONObject) -> bytes:
        return b"data: " + orjson.dumps(item) + b"\r\n\r\n"

    def quiet(self) -> bytes:
        return self.frame({"candidates": [candidate(0, [NOTHING])]})

    def end(self) -> bytes:
        return b""


class Array:
    """`[{…},\\n{…}]`."""

    media_type: str = JSON

    def __init__(self) -> None:
        self._is_open = False
        self._holds_one = False

    def frame(self, item: JSONObject) -> bytes:
        comma = b",\r\n" if self._holds_one else b""
        self._holds_one = True
        return self._opening() + comma + orjson.dumps(item)

    def quiet(self) -> bytes:
        return self._opening() or b"\r\n"

    def end(self) -> bytes:
        return self._opening() + b"]"

    def _opening(self) -> bytes:
        if self._is_open:
            return b""
        self._is_open = True
        return b"["
