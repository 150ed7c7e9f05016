"""A streamed upstream answer as one object: batches of chunks from the first read to the end of the body."""

import asyncio
from typing import Self

from msgspec import Struct

from apps.providers.adapters.contract import ChatStream
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatChunk
from apps.providers.upstream import UpstreamResponse
from apps.providers.verdict import StreamVerdict

TAIL_S = (
    2.0  # how long a complete answer waits for what may follow it: usage, the end mark, the end of the body
)

BYTES_BEFORE_CONTENT = 4 * 1024 * 1024
CHUNKS_BEFORE_CONTENT = 10_000
"""And choices in them. Until there is content they are kept: another candidate may take over."""
LINES_BEFORE_CONTENT = 50_000
LINES_AT_ONCE = 250
"""More of one read are read bit by bit: other requests have their turn in between."""
PAUSE_S = 0.005
"""Between the bits. Nobody writes 50,000 lines a second."""


class Patience(Struct, frozen=True):
    """How long a stream may take. `deadline`: until when it may be read, on the event loop's clock. `idle_s`: how long it may say nothing
    once it has begun, whatever comments come. `choices`: how many it is to have."""

    deadline: float
    idle_s: float
    choices: int = 1


class OutOfTimeError(UpstreamError):
    """The request's time was over before the answer was."""

    def __init__(self) -> None:
        super().__init__(ErrorKind.NETWORK, "The request's time budget is spent.", timed_out=True)


class ChunkStream:
    """Iterates over the chunks of each read, perhaps none; the last batch is what the end of the body completes.

    Owns the response, its parser and the end: iteration raises what the parser and the body raise, UpstreamError(NETWORK) where it runs
    out of patience, and OutOfTimeError. What is complete is complete, though the body has no end. `close` gives the connection up, or
    back behind a complete answer; it may be called twice. An object and no generator, so that nothing is left to the garbage collector.
    """

    __slots__ = (
        "_body", "_ended", "_heard_at", "_lines", "_now", "_parser", "_patience", "_response", "_rest",
        "_said", "_size", "_step", "_unread", "_whole"
    )  # fmt: skip

    def __init__(self, response: UpstreamResponse, parser: ChatStream, patience: Patience) -> None:
        self._patience = patience
        self._now = asyncio.get_running_loop().time
        self._response = response
        self._body = response.chunks()
        self._parser = parser
        self._unread: list[ChatChunk] | None = None
        self._heard_at: float | None = None
        self._said = False
        self._size = 0
        self._lines = 0
        self._rest = b""  # of a read of many lines
        self._step = 0  # how many bytes of it come next
        self._ended = False
        self._whole = False

    @property
    def skipped(self) -> int:
        """How many frames were left out because nobody could read them."""
        return self._parser.skipped

    async def reach_content(self) -> bool:
        """Read up to the first content; iteration begins with what was read. False for an answer that rightly ends without any (a tiny
        `max_tokens`). Raises UpstreamError: as iteration, and for an empty or filtered answer."""
        verdict = StreamVerdict()
        read: list[ChatChunk] = []
        choices = 0
        async for chunks in self:
            read += chunks
            choices += sum(len(chunk.choices) for chunk in chunks)
            is_much = self._size > BYTES_BEFORE_CONTENT or self._lines > LINES_BEFORE_CONTENT
            if is_much or max(choices, len(read)) > CHUNKS_BEFORE_CONTENT:
                raise UpstreamError(ErrorKind.PARSING, "The upstream sent too much before any content.")
            if "content" in {verdict.see(chunk) for chunk in chunks}:
                self._unread = read
                self._heard_at = self._now()
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
        is_cut = False
        if not self._parser.done:
            try:
                data = await self._next_bit() if self._rest else self._first_bit(await self._read())
            except UpstreamError:
                if not self._is_complete():
                    raise
                is_cut = True
            else:
                if data is not None:
                    chunks = self._parser.feed(data)
                    self._said = bool(chunks)
                    return chunks
        self._ended = True
        chunks = self._parser.break_off() if is_cut else self._parser.finish()
        self._whole = True
        return chunks

    def close(self) -> None:
        """Give the connection up; behind a complete answer, back."""
        if self._whole:
            self._response.release()
        else:
            self._response.close()

    def _is_complete(self) -> bool:
        return self._parser.finished >= self._patience.choices

    def _first_bit(self, data: bytes | None) -> bytes | None:
        """So much of a read as may be read at once."""
        if data is None:
            return None
        lines = max(data.count(b"\n"), data.count(b"\r"))  # which may end them, too
        self._size += len(data)
        self._lines += lines
        if lines <= LINES_AT_ONCE:
            return data
        self._step = len(data) * LINES_AT_ONCE // lines
        self._rest = data[self._step :]
        return data[: self._step]

    async def _next_bit(self) -> bytes:
        await asyncio.sleep(PAUSE_S)
        if self._now() > self._patience.deadline:
            raise OutOfTimeError
        data, self._rest = self._rest[: self._step], self._rest[self._step :]
        return data

    async def _read(self) -> bytes | None:
        """The next of the body, None at its end. Raises UpstreamError(NETWORK)."""
        now, patience = self._now(), self._patience
        if now > patience.deadline:
            raise OutOfTimeError
        if self._parser.finished and self._is_complete():
            until = now + TAIL_S
        elif self._heard_at is None or self._said:
            self._heard_at = self._heard_at and now
            until = now + patience.idle_s
            if until < patience.deadline:  # the transport's own limit on silence is enough
                return await anext(self._body, None)
        else:
            until = self._heard_at + patience.idle_s
        try:
            async with asyncio.timeout_at(min(until, patience.deadline)):
                return await anext(self._body, None)
        except TimeoutError:
            if until > patience.deadline:
                raise OutOfTimeError from None
            raise UpstreamError(
                ErrorKind.NETWORK, "The upstream stopped in the middle of its answer.", timed_out=True
            ) from None
