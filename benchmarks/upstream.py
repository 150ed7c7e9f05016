"""A fake provider that costs next to nothing: `python -m benchmarks.upstream` prints its port and serves until it is terminated.

A raw Protocol with prepared bytes (about 20 us of CPU for a whole answer), so that what is measured is what stands before it.
"""

import asyncio
import socket
from typing import cast

import httptools
import uvloop

from benchmarks import wire


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _prepared(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


WHOLE = _prepared("200 OK", wire.whole_answer())
NOT_FOUND = _prepared("404 Not Found", b'{"error":{"message":"no such path"}}')
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST, CONTENT = _chunk(wire.FIRST_FRAME), _chunk(wire.CONTENT_FRAME)
FINISH, USAGE = _chunk(wire.FINISH_FRAME), _chunk(wire.USAGE_FRAME)
DONE = _chunk(wire.DONE) + b"0\r\n\r\n"


class Stream:
    """One streamed answer: each frame in a write and a turn of the loop of its own, as a model generates them."""

    __slots__ = ("_handle", "_loop", "_sent", "_shape", "_started", "_transport")

    def __init__(
        self, transport: asyncio.Transport, shape: wire.Shape, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport, self._shape, self._loop = transport, shape, loop
        self._started = loop.time()
        self._sent = 1
        transport.write(STREAM_HEAD + FIRST)
        self._schedule()

    def cancel(self) -> None:
        """The client went away."""
        self._handle.cancel()

    def _schedule(self) -> None:
        self._handle: asyncio.Handle
        if self._shape.interval_s:
            # From the start, not from the last frame: lateness must not add up to a longer stream.
            self._handle = self._loop.call_at(self._started + self._sent * self._shape.interval_s, self._step)
        else:
            self._handle = self._loop.call_soon(self._step)

    def _step(self) -> None:
        if self._sent >= self._shape.frames:
            self._transport.write(FINISH + (USAGE if self._shape.usage else b"") + DONE)
            return
        self._transport.write(CONTENT)
        self._sent += 1
        self._schedule()


class UpstreamProtocol(asyncio.Protocol):
    """A keep-alive connection; POST to any path that ends in /chat/completions is answered."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._url = b""
        self._body = bytearray()
        self._stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses

    def connection_lost(self, _error: Exception | None) -> None:
        if self._stream is not None:
            self._stream.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._url.endswith(b"/chat/completions"):
            self._transport.write(NOT_FOUND)
            return
        shape = wire.read_shape(self._body)
        if shape is None:
            self._transport.write(WHOLE)
        else:
            self._stream = Stream(self._transport, shape, self._loop)


async def serve() -> None:
    """Print the port and serve until the process is terminated."""
    server = await asyncio.get_running_loop().create_server(
        UpstreamProtocol, "127.0.0.1", 0, backlog=2048, family=socket.AF_INET
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
