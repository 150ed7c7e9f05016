"""The messages of a large request while an upstream is waited for: encoded, since decoded they may take several times as much.

They are needed again where another candidate is asked; what is read of an answer needs the tools at most.
"""

from typing import Final

import orjson

from apps.core.json_types import JSONObject

LARGE_BYTES: Final = 256 * 1024
"""Of an upstream's request. Below it the decoding costs more than the memory is worth."""


class Shelf:
    """Where the messages of `body` are put away, in place: whoever holds the body sees none meanwhile."""

    __slots__ = ("_body", "_encoded")

    def __init__(self, body: JSONObject) -> None:
        self._body = body
        self._encoded: bytes | None = None

    def put_away(self) -> None:
        """They are not needed for a while."""
        if self._encoded is None:
            self._encoded = orjson.dumps(self._body["messages"])
            self._body["messages"] = []

    def bring(self) -> None:
        """They are."""
        if self._encoded is not None:
            self._body["messages"] = orjson.loads(self._encoded)
            self._encoded = None
