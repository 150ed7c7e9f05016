"""One answer on a connection: read as it arrives, its body held until somebody takes it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import httptools

from apps.providers import network_errors
from apps.providers.errors import UpstreamError

if TYPE_CHECKING:
    from apps.providers.http.connection import Connection

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of an answer's head, with trailers and what comes before it (1xx); and of what is no body between two pieces of one."""
MAX_HEADERS: Final = 200
PART_BYTES: Final = 48
"""What a piece of a body takes beside its bytes: an upstream may send it one by one."""
MANY_PARTS: Final = 10_000
LEAST_BYTES: Final = 16
"""Of a piece, on average, where they are many: smaller ones cost more to take apart than they bring."""
FIRST_STATUS, FINAL_STATUS, SWITCHING = 100, 200, 101
BODILESS: Final = frozenset({204, 304})
CHUNKED: Final = b"chunked"
CODINGS: Final = frozenset({CHUNKED, b"identity"})

Failure = Callable[[], UpstreamError]
"""Made where it is raised: an exception that is kept keeps the frames that it went through."""


class RefusedError(Exception):
    """Ends the parser's work in the middle of a read."""


class Exchange:
    """See `open_answer.Body`. `status` and `headers` count once `head` has returned; of a header that comes twice the first does.

    `has_head`, `is_complete`, `failure`: how far it has come. `heard`: a byte has come. `keeps`: the connection may serve again behind
    it. `held`: bytes in memory of the body that nobody has taken.
    """

    __slots__ = (
        "_coding", "_connection", "_ends_with_connection", "_header_bytes", "_header_count", "_is_interim", "_is_released", "_loop",
        "_parser", "_part_bytes", "_part_count", "_parts", "_unread_bytes", "_waiter", "_without_body", "failure", "has_head",
        "headers", "heard", "held", "is_complete", "keeps", "status",
    )  # fmt: skip

    def __init__(self, connection: "Connection", method: str, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_head = self.is_complete = self.heard = self.keeps = False
        self.failure: Failure | None = None
        self.held = 0
        self._parts: list[bytes] = []
        self._connection: Connection | None = connection
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._without_body = method == "HEAD"
        self._is_interim = self._is_released = False
        self._ends_with_connection = False
        self._coding = b""
        self._header_bytes = self._header_count = self._unread_bytes = 0
        self._part_bytes = self._part_count = 0
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        # As lenient as upstreams have been read so far; none of these moves a message's end.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    # --- for who asked ------------------------------------------------------------------------------------------------------

    async def head(self) -> None:
        """Return when status and headers are there. Raises UpstreamError."""
        while not self.has_head:
            if self.failure is not None:
                raise self.failure()
            await self._change()

    def at_end(self) -> bool:
        return self.is_complete and not self._parts

    async def more(self) -> bytes:
        while not self._parts:
            if self.is_complete:
                return b""
            if self.failure is not None:
                raise self.failure()
            await self._change()
        parts = self._parts
        self._parts, self.held = [], 0
        if self._connection is not None:
            self._connection.taken()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        if self._connection is not None and not self._is_released:
            self._connection.abort()

    def release(self, within_s: float) -> None:
        if self._connection is not None and not self._is_released:
            self._is_released = True
            self._connection.drain(within_s)

    async def _change(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- for its connection -------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """What has come."""
        assert self._parser is not None  # noqa: S101 - until `settle`
        self.heard = True
        self._unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.keeps = False
            if not self.is_complete:
                self.failure = network_errors.not_http
        else:
            if self._unread_bytes > MAX_HEAD_BYTES and not self.is_complete:
                self.failure = network_errors.not_http
        self._wake()

    def end(self, *, cleanly: bool) -> None:
        """The connection is over."""
        if self.is_complete or self.failure is not None:
            return
        if not self.has_head:
            self.failure = network_errors.lost
        elif cleanly and self._ends_with_connection:
            self.is_complete = True
        else:
            self.failure = network_errors.cut_short

    def settle(self, failure: Failure | None = None) -> None:
        """The connection is no longer its own. `failure`: why, where the answer is neither complete nor has failed."""
        if not self.is_complete and self.failure is None:
            self.failure = failure
        self._connection = self._parser = None
        self._wake()

    # --- for the parser -----------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """See httptools. Behind an answer that is complete nothing was asked for."""
        if self.is_complete:
            raise RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. What comes behind the body is counted, and dropped."""
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if self._header_count > MAX_HEADERS or self._header_bytes > MAX_HEAD_BYTES:
            raise RefusedError
        if b"\0" in value or b"\n" in value:
            raise RefusedError
        if self.has_head:
            return
        small = name.decode("latin-1").lower()
        if small == "transfer-encoding":
            self._take_coding(value)
        self.headers.setdefault(small, value.decode("utf-8", "surrogateescape").rstrip(" \t"))

    def on_headers_complete(self) -> None:
        """See httptools."""
        assert self._parser is not None  # noqa: S101 - it is who calls
        status = self._parser.get_status_code()
        if status == SWITCHING or status < FIRST_STATUS:
            raise RefusedError
        self._is_interim = status < FINAL_STATUS
        if self._is_interim:
            self.headers.clear()
            self._coding = b""
            return
        self.status = status
        self.has_head = True
        self.keeps = self._parser.should_keep_alive()
        self._ends_with_connection = not self._has_length()
        if self._without_body:
            self.is_complete = True
            raise RefusedError  # the parser would wait for the body that the headers speak of

    def on_body(self, data: bytes) -> None:
        """See httptools."""
        self._unread_bytes = 0
        self._part_count += 1
        self._part_bytes += len(data)
        if self._part_count > MANY_PARTS and self._part_bytes < LEAST_BYTES * self._part_count:
            raise RefusedError
        self.held += len(data) + PART_BYTES
        self._parts.append(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        if not self._is_interim:
            self.is_complete = True

    def _take_coding(self, value: bytes) -> None:
        """Nobody asked for others, and where two parsers differ in what they make of one, a body ends in two places."""
        coding = value.rstrip(b" ").lower()
        if self._coding or coding not in CODINGS:
            raise RefusedError
        self._coding = coding

    def _has_length(self) -> bool:
        """Whether the answer says where it ends."""
        if self._coding:
            return self._coding == CHUNKED
        return self.status in BODILESS or "content-length" in self.headers
