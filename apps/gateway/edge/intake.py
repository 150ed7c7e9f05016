"""What a connection has sent and is not parsed yet: the parser cannot be stopped in the middle of what it is fed, so it is fed no more
than so many requests at a time, and nothing more is read meanwhile."""

from asyncio import Transport
from collections.abc import Callable
from typing import Final

from uvicorn.protocols.http.flow_control import FlowControl

HEAD_END: Final = b"\r\n\r\n"


class Intake:
    """Bytes in the order in which they came; at most one read of the loop."""

    __slots__ = ("_at", "_data")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def put(self, data: bytes) -> None:
        """Behind what is left."""
        self._data = self._data[self._at :] + data if self else data
        self._at = 0

    def take(self, heads: int) -> bytes | memoryview:
        """As much as holds the ends of so many heads, all if it holds fewer. A body may look like some: it comes in more parts then."""
        begin = end = self._at
        for _ in range(heads):
            end = self._data.find(HEAD_END, end)
            if end < 0:
                break
            end += len(HEAD_END)
        if end < 0 or end == len(self._data):
            data, self._data, self._at = self._data, b"", 0
            return memoryview(data)[begin:] if begin else data
        self._at = end
        return memoryview(self._data)[begin:end]

    def clear(self) -> None:
        """Nobody parses it any more."""
        self._data, self._at = b"", 0


class Flow(FlowControl):
    """uvicorn's, which reads on whenever a request ends or wants its body; here only while the connection may have more."""

    def __init__(self, transport: Transport, may_read: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._may_read = may_read

    def resume_reading(self) -> None:
        """See FlowControl."""
        if self._may_read():
            super().resume_reading()
