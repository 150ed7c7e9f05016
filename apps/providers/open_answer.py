"""An open answer behind the `UpstreamResponse` contract, over the body that an engine reads."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol, Self

from apps.core.json_bounds import is_json
from apps.providers.errors import ErrorKind, UpstreamError

TAIL_S = 2.0  # how long JSON that is complete waits for the end of its body
DRAIN_S = 1.0  # how long a connection may take to deliver the rest of an answer that is complete
REFUSAL_S = 5.0  # how long the text of a refusal may take
WHOLE_ENDS = (b"}", b"]")
END_MARK = b"[DONE]"


class Body(Protocol):
    """What an engine has of an answer behind its head. Of `close` and `release` the first counts; both may be called twice."""

    def at_end(self) -> bool:
        """Whether there is no more, and never will be."""
        ...

    async def more(self) -> bytes:
        """All that has come since, or the next that comes; b"" at the end. Raises UpstreamError (network)."""
        ...

    def close(self) -> None:
        """Give the connection up, at once."""
        ...

    def release(self, within_s: float) -> None:
        """Give the connection back if the rest comes in time, and is not too much; otherwise up."""
        ...


class OpenAnswer:
    """An answer whose head is there."""

    __slots__ = ("_body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: Body) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def read(self, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while data := await self._more(parts):
            size += len(data)
            if size > most:
                self.close()
                raise UpstreamError(
                    ErrorKind.PARSING,
                    f"The upstream's answer is larger than {most} bytes.",
                    status=self.status,
                )
            parts.append(data)
        self.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_beginning(self, limit: int) -> bytes:
        body = b""
        try:
            async with asyncio.timeout(REFUSAL_S):
                while len(body) < limit and (data := await self._more([body])):
                    body += data
        except (UpstreamError, TimeoutError):
            self.close()
        self.release()
        return body[:limit]

    async def _more(self, parts: list[bytes]) -> bytes:
        """The next of the body behind `parts`; b"" at its end, and where the answer is complete but the end does not come."""
        if self._body.at_end():
            return b""
        if not (parts and parts[-1].rstrip().endswith(WHOLE_ENDS)):
            return await self._body.more()
        try:
            async with asyncio.timeout(TAIL_S):
                return await self._body.more()
        except (UpstreamError, TimeoutError) as error:
            if _is_whole(b"".join(parts)):
                return b""
            if isinstance(error, UpstreamError):
                raise
            return await self._body.more()  # it was only slow

    def chunks(self) -> AsyncIterator[bytes]:
        return _Chunks(self._body)

    def close(self) -> None:
        self._body.close()

    def release(self) -> None:
        self._body.release(DRAIN_S)


class _Chunks:
    """The body as it arrives; an object, not a generator, so that nothing is left to the garbage collector."""

    __slots__ = ("_body",)

    def __init__(self, body: Body) -> None:
        self._body = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if data := await self._body.more():
            return data
        raise StopAsyncIteration


def _is_whole(body: bytes) -> bool:
    """Whether the body says by itself that it is complete: JSON, or the events of a stream up to their end mark."""
    return body.rstrip().endswith(END_MARK) or is_json(body)
