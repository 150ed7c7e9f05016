"""Calls of tools and their results, on surfaces whose clients may leave out ids: by id where there is one, else by name and in order."""

from collections import deque
from typing import Final

MADE: Final = "call_{}"
LOST: Final = "call_lost_{}"


class Pairing:
    """Of one history, read from its beginning."""

    def __init__(self) -> None:
        self._made = 0
        self._waiting: deque[tuple[str, str]] = deque()

    def called(self, name: str, given: str | None) -> str:
        """The id of a call; one is made where the client gave none."""
        call_id = given or self._make(MADE)
        self._waiting.append((call_id, name))
        return call_id

    def answered(self, name: str | None, given: str | None) -> str:
        """The id of the call that a result is of; one that no call has where there is none."""
        for at, (call_id, called) in enumerate(self._waiting):
            if call_id == given or (not given and (not name or name == called)):
                del self._waiting[at]
                return call_id
        return given or self._make(LOST)

    def _make(self, pattern: str) -> str:
        made = pattern.format(self._made)
        self._made += 1
        return made
