"""One connection to an upstream: one call at a time, and between two of them in the pool."""

import asyncio
import ssl
from math import inf
from typing import TYPE_CHECKING, Final, cast

from apps.providers import network_errors
from apps.providers.http.exchange import Exchange, Failure
from apps.providers.http.requests import Origin

if TYPE_CHECKING:
    from apps.providers.http.pool import Pool

JOINED_BYTES: Final = 64 * 1024
"""A body up to this goes out in one write with its head, a larger one in pieces: at once it would hold the event loop."""
MAX_HELD_BYTES: Final = 256 * 1024
"""Of a body that nobody takes; then the socket is not read until somebody does."""
MAX_DRAINED_BYTES: Final = 512 * 1024
"""Of the rest of an answer that is complete, for the sake of its connection."""


class Connection(asyncio.Protocol):
    """See `Pool` for who gives it away. `deadline`: until when something must come, on the loop's clock.

    `tls`: what it is encrypted by, None where it is not.
    """

    __slots__ = (
        "_drained", "_exchange", "_is_draining", "_is_paused", "_is_sending", "_loop", "_pool", "_read_s", "_transport", "_writable",
        "deadline", "origin", "tls",
    )  # fmt: skip

    def __init__(self, pool: "Pool", origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.deadline = inf
        self.tls: ssl.SSLObject | None = None
        self._pool = pool
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._read_s = 0.0
        self._is_sending = self._is_paused = self._is_draining = False
        self._drained = 0
        self._writable: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    # --- for who calls --------------------------------------------------------------------------------------------------------

    def begin(self, method: str) -> Exchange:
        """The answer to what is asked next."""
        self._exchange = Exchange(self, method, self._loop)
        return self._exchange

    async def ask(self, exchange: Exchange, head: bytes, body: bytes, read_s: float) -> None:
        """Send, and return when the answer's head is there. Raises UpstreamError; however it fails, the connection is over."""
        self._read_s = read_s
        if not self.is_open:
            self._settle(network_errors.lost)
        try:
            if len(body) <= JOINED_BYTES:
                self._write(head + body)
            else:
                await self._send(exchange, head, body)
            await exchange.head()
        except BaseException:
            self.abort()
            raise

    def abort(self, failure: Failure = network_errors.given_up) -> None:
        """End it at once. An answer that is still open fails by `failure`."""
        self._settle(failure)
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def taken(self) -> None:
        """The answer's reader has taken what was held."""
        if self._is_paused:
            self._resume()
            self.wait(self._read_s)

    def drain(self, within_s: float) -> None:
        """Nobody wants the rest of the answer: take it in, and go back to the pool."""
        self._is_draining = True
        self._resume()
        self.wait(within_s)

    def wait(self, seconds: float) -> None:
        """From now on."""
        self.deadline = self._loop.time() + seconds
        self._pool.deadlines.sooner(self.deadline)

    def expire(self) -> None:
        """See `Watched`."""
        self.abort(network_errors.out_of_time)

    # --- for the event loop ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses
        self.tls = transport.get_extra_info("ssl_object")
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio. What comes while nobody has asked is nobody's answer."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        exchange.feed(data)
        if exchange.is_complete or exchange.failure is not None:
            self._over(exchange)
        elif self._is_draining:
            self._drained += len(data)
            if self._drained > MAX_DRAINED_BYTES:
                self.abort()
        elif exchange.held > MAX_HELD_BYTES:
            self._pause()
        else:
            self.wait(self._read_s)
        if self._is_sending and exchange.has_head:
            self.resume_writing()  # who answers before the end of a request does not read it

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio."""
        if self._exchange is not None:
            self._exchange.end(cleanly=error is None)
        self._settle(network_errors.lost)
        self._pool.forget(self)
        self._transport = None
        self.resume_writing()

    def pause_writing(self) -> None:
        """See asyncio."""
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """See asyncio."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- within ---------------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes | memoryview) -> None:
        if self.is_open and self._transport is not None:
            self._transport.write(data)
            self.wait(self._read_s)

    async def _send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """In pieces, as long as the upstream has nothing to say to them."""
        self._is_sending = True
        self._write(head)
        whole = memoryview(body)
        for at in range(0, len(body), JOINED_BYTES):
            if exchange.has_head or exchange.failure is not None:
                return  # and the connection cannot serve again
            self._write(whole[at : at + JOINED_BYTES])
            if self._writable is not None:
                await self._writable
        self._is_sending = False

    def _over(self, exchange: Exchange) -> None:
        """The answer has ended, well or not."""
        if exchange.is_complete and exchange.keeps and not self._is_sending and self.is_open:
            self._settle(network_errors.lost)
            self._resume()
            self._pool.give_back(self)
        else:
            self.abort()

    def _settle(self, failure: Failure) -> None:
        exchange, self._exchange = self._exchange, None
        self._is_draining, self._drained = False, 0
        if exchange is not None:
            exchange.settle(failure)

    def _pause(self) -> None:
        """Who is not read is not waited for."""
        if not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
            self.deadline = inf

    def _resume(self) -> None:
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
