"""A request to `/v1` and its answer on the socket: uvicorn's cycle, without ASGI's messages.

A whole answer is one write; so are the head of a stream and its first part. A client that leaves cancels its request at once. What a
cycle has beside that (its place in the pipeline, 100-continue, keep-alive, the body as it comes) is uvicorn's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from apps.gateway.edge.disconnects import Guard
from apps.gateway.edge.exchange import NO_CONTENT, Exchange, Headers, with_length
from apps.gateway.edge.http import LeanRequest

Serve = Callable[[LeanRequest, Exchange], Awaitable[None]]

COPIED_BYTES: Final = 64 * 1024
"""A longer body is written by itself: a copy of it would cost more than the system's call."""
LAST_CHUNK: Final = b"0\r\n\r\n"


class Cycle(RequestResponseCycle):
    """Satisfies `Exchange`."""

    def __init__(self, serve: Serve, **fields: Any) -> None:
        super().__init__(**fields)
        self.client_left = False
        self._serve = serve
        self._guard: Guard | None = None
        self._head = b""

    @classmethod
    def of(cls, protocol: HttpToolsProtocol, serve: Serve) -> Self:
        """The request whose head the protocol has just read."""
        version, scope = protocol.parser.get_http_version(), protocol.scope
        url = httptools.parse_url(protocol.url)
        path = url.path.decode("ascii")
        scope["method"] = protocol.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        return cls(
            serve,
            scope=scope,
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=False,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=protocol.expect_100_continue,
            keep_alive=version != "1.0" and protocol.parser.should_keep_alive(),
            on_response=protocol.on_response_complete,
        )

    async def run_asgi(self, app: Any) -> None:
        """What uvicorn calls when it is the request's turn; what goes wrong beyond the handler is its business as before."""
        await super().run_asgi(self._run)

    def leave(self) -> None:
        """The client is gone, perhaps with its whole answer."""
        if self._guard is not None and not self.response_complete:
            self.disconnected = self.client_left = True
            self._guard.leave()

    async def _run(self, scope: Any, receive: Any, _send: Any) -> None:
        self._guard = guard = Guard()
        try:
            await self._serve(LeanRequest(scope, receive), self)
        finally:
            self._guard = None
            guard.release()

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        if not await self._may_write():
            return
        head = self._started(status, with_length(status, headers, body))
        if self.scope["method"] == "HEAD" or status == NO_CONTENT:
            self.transport.write(head)
        elif len(body) > COPIED_BYTES:
            self.transport.write(head)
            self.transport.write(body)
        else:
            self.transport.write(head + body)
        self._completed()

    async def begin(self, status: int, headers: Headers) -> None:
        if not await self._may_write():
            return
        self.chunked_encoding = self.scope["method"] != "HEAD"
        coding = [(b"transfer-encoding", b"chunked")] if self.chunked_encoding else []
        self._head = self._started(status, [*headers, *coding])
        asyncio.get_running_loop().call_soon(self._write_head)

    async def part(self, data: bytes) -> None:
        if not await self._may_write():
            return
        head, self._head = self._head, b""
        if self.chunked_encoding:
            self.transport.write(b"%b%x\r\n%b\r\n" % (head, len(data), data))
        elif head:
            self.transport.write(head)

    async def end(self) -> None:
        if not await self._may_write():
            return
        head, self._head = self._head, b""
        self.transport.write(head + LAST_CHUNK if self.chunked_encoding else head)
        self._completed()

    async def _may_write(self) -> bool:
        """Whether anybody is there to read; waits for one who reads slowly."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        return not self.disconnected

    def _write_head(self) -> None:
        """Of a stream whose first part was not there at once."""
        if self._head and not self.disconnected:
            head, self._head = self._head, b""
            self.transport.write(head)

    def _started(self, status: int, headers: Headers) -> bytes:
        """The answer's head. A server that is to end has `connection` among what goes on every answer."""
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        for name, value in self.default_headers:
            if name == b"connection":
                self.keep_alive = False
            else:
                lines += (name, b": ", value, b"\r\n")
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(lines)

    def _completed(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
