"""Upstream calls by our own HTTP/1.1 client. It follows no redirect, keeps no cookie and asks no proxy; what it is given it sends."""

import asyncio

from apps.core import clock
from apps.providers import network_errors
from apps.providers.errors import UpstreamError
from apps.providers.http.connection import Connection
from apps.providers.http.deadlines import Deadlines
from apps.providers.http.dialing import Dialer
from apps.providers.http.exchange import Exchange
from apps.providers.http.pool import Pool
from apps.providers.http.requests import Requests
from apps.providers.http.unpacking import unpacked
from apps.providers.open_answer import OpenAnswer
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import CONNECTED_AT, Timeouts, UpstreamResponse


class HttpTransport:
    """One pool a process, made on the running loop at the first call and closed at shutdown."""

    def __init__(self) -> None:
        self._requests = Requests()
        self._pool: Pool | None = None
        self._dialer: Dialer | None = None

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """See `Transport.open`. A reused connection that the upstream closed while it was idle says nothing of the upstream's health: what
        was sent over it, and got no byte in answer, is sent once more over a fresh one."""
        target = self._requests.target(request.url)
        head = self._requests.head(request, target)
        pool, dialer = self._parts()
        if (connection := pool.take(target.origin)) is not None:
            exchange = connection.begin(request.method)
            try:
                return await self._answer(connection, exchange, head, request.body, timeouts)
            except UpstreamError:
                if exchange.heard or exchange.failure is not network_errors.lost:
                    raise
        connection = await dialer.dial(target.origin, timeouts.connect_s)
        exchange = connection.begin(request.method)
        answer = await self._answer(connection, exchange, head, request.body, timeouts)
        dialer.served(connection)
        return answer

    async def aclose(self) -> None:
        """Close the pool. Open answers end with a network error."""
        if self._pool is not None and self._dialer is not None:
            self._dialer.close()
            self._pool.close()
            await asyncio.sleep(0)  # the event loop closes sockets in its next turn
        self._pool = self._dialer = None

    async def _answer(
        self, connection: Connection, exchange: Exchange, head: bytes, body: bytes, timeouts: Timeouts
    ) -> OpenAnswer:
        CONNECTED_AT.set(clock.monotonic())
        await connection.ask(exchange, head, body, timeouts.read_s)
        packing = exchange.headers.get("content-encoding")
        return OpenAnswer(exchange.status, exchange.headers, unpacked(exchange, packing))

    def _parts(self) -> tuple[Pool, Dialer]:
        if self._pool is None or self._dialer is None:
            loop = asyncio.get_running_loop()
            self._pool = Pool(Deadlines(loop))
            self._dialer = Dialer(self._pool, loop)
        return self._pool, self._dialer
