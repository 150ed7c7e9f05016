"""Both engines on both event loops, and an upstream of which a test decides every byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from apps.providers.aiohttp_engine import AiohttpTransport
from apps.providers.http.engine import HttpTransport
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts, Transport, UpstreamResponse

ENGINES: dict[str, type[Any]] = {"own": HttpTransport, "aiohttp": AiohttpTransport}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
TIMEOUTS = Timeouts(connect_s=5, read_s=5)


def pytest_asyncio_loop_factories(config, item):
    """Each test on both: what serves is uvloop."""
    return LOOPS


class Upstream:
    """Gives each request the next of `answers`, the last again and again. `ends`: closes behind it. `reads`: takes the body, too.
    `pause_s`: behind each piece. `echoes`: answers with what it was sent, in three pieces, instead."""

    def __init__(self) -> None:
        self.answers: list[list[bytes]] = [[b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]]
        self.ends = False
        self.pause_s = 0.0
        self.reads, self.echoes = True, False
        self.heads: list[bytes] = []
        self.connections = self.open = self.answered = 0
        self.changed = asyncio.Condition()
        self.url = ""
        self._serving: set[asyncio.Task[None]] = set()

    def answer(self, *pieces: bytes, ends: bool = False) -> None:
        self.answers, self.ends = [list(pieces)], ends

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        self.open += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while not writer.is_closing():
                    await self._one(reader, writer)
        finally:
            self.open -= 1
            writer.transport.abort()
            await self._note()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = b""
        if self.reads and length:
            body = await reader.readexactly(int(length[0].partition(b":")[2]))
        self.heads.append(head)
        if self.echoes:
            pieces = [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body[:2], body[2:]]
        else:
            pieces = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await self._note()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(self.pause_s)
        if self.ends:
            writer.close()
        self.answered += 1
        await self._note()

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition) -> None:
        """Wait for something of this upstream's."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(condition)

    async def arrived(self) -> None:
        """Wait until all that was asked for has been sent, and what came of it was noticed: on loopback that is the loop's next turn."""
        await self.until(lambda: self.answered == len(self.heads))
        for _ in range(5):
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield made
    server.close()
    await made.stop()


@pytest.fixture(params=list(ENGINES))
async def transport(request) -> AsyncIterator[Transport]:
    made = ENGINES[request.param]()
    yield made
    await made.aclose()


@pytest.fixture
async def own() -> AsyncIterator[HttpTransport]:
    """Ours alone, for what aiohttp has no promise of."""
    made = HttpTransport()
    yield made
    await made.aclose()


async def opened(transport: Transport, url: str, timeouts: Timeouts = TIMEOUTS, **fields) -> UpstreamResponse:
    call = {"headers": {}, "body": b"{}"} | fields
    return await transport.open(UpstreamRequest(url=url, **call), timeouts)


async def read(transport: Transport, url: str, **fields) -> tuple[int, bytes]:
    """Status and body, and the connection given back."""
    response = await opened(transport, url, **fields)
    try:
        return response.status, await response.read(10_000_000)
    finally:
        response.close()
