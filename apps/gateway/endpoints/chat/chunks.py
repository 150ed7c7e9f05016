"""A streamed upstream answer as one object: batches of chunks from the first read to the end of the body."""

import asyncio
from typing import Self

from apps.providers.adapters.contract import ChatStream
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatChunk, UpstreamResponse
from apps.providers.verdict import StreamVerdict


class ChunkStream:
    """Iterates over the chunks of each read, perhaps none; the last batch is what the end of the body completes.

    Owns the response, its parser and the end: iteration raises what the parser and the body raise, and UpstreamError(NETWORK) where
    more would have to be read after `deadline` (on the event loop's clock); `close` frees the connection at once and may be called
    twice. An object and no generator, so that nothing is left to the garbage collector.
    """

    __slots__ = ("_body", "_deadline", "_ended", "_now", "_parser", "_response", "_unread")

    def __init__(self, response: UpstreamResponse, parser: ChatStream, deadline: float) -> None:
        self._deadline = deadline
        self._now = asyncio.get_running_loop().time
        self._response = response
        self._body = response.chunks()
        self._parser = parser
        self._unread: list[ChatChunk] | None = None
        self._ended = False

    async def reach_content(self) -> bool:
        """Read up to the first content; iteration begins with what was read. False for an answer that rightly ends without any (a tiny
        `max_tokens`). Raises UpstreamError: as iteration, and for an empty or filtered answer."""
        verdict = StreamVerdict()
        read: list[ChatChunk] = []
        async for chunks in self:
            read += chunks
            if "content" in {verdict.see(chunk) for chunk in chunks}:
                self._unread = read
                return True
        verdict.end()
        self._unread = read
        return False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[ChatChunk]:
        if self._unread is not None:
            unread, self._unread = self._unread, None
            return unread
        if self._ended:
            raise StopAsyncIteration
        if not self._parser.done:
            if self._now() > self._deadline:
                raise UpstreamError(ErrorKind.NETWORK, "The request's time budget is spent.", timed_out=True)
            data = await anext(self._body, None)
            if data is not None:
                return self._parser.feed(data)
        self._ended = True
        return self._parser.finish()

    def close(self) -> None:
        """Give the connection up; without harm after the end."""
        self._response.close()
