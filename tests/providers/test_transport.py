"""Connections that upstreams close while nobody looks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from apps.providers.aiohttp_engine import AiohttpTransport
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.http.engine import HttpTransport
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts, Transport

TIMEOUTS = Timeouts(connect_s=2, read_s=2)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Upstream:
    """Answers the first request of each connection with `first`, its further ones with `later`; closes after anything but ANSWER."""

    def __init__(self) -> None:
        self.first = ANSWER
        self.later = b""
        self.aborts = False
        self.connections = self.requests = 0
        self.serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.add(asyncio.current_task())
        answered = 0
        while head := await self._head(reader):
            length = next(
                (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0"
            )
            await reader.readexactly(int(length.partition(b":")[2]))
            self.requests += 1
            says = self.later if answered else self.first
            answered += 1
            writer.write(says)
            if says != ANSWER:
                if self.aborts:
                    writer.transport.abort()
                break
        writer.close()

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""


@pytest.fixture(params=[HttpTransport, AiohttpTransport], ids=["own", "aiohttp"])
async def upstream(request) -> AsyncIterator[tuple[Upstream, Transport, str]]:
    made, transport = Upstream(), request.param()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, transport, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await transport.aclose()
    server.close()
    await asyncio.gather(*filter(None, made.serving), return_exceptions=True)


async def ask(transport: Transport, url: str, body: bytes = b"{}") -> bytes:
    response = await transport.open(UpstreamRequest(url=url, headers={}, body=body), TIMEOUTS)
    try:
        return await response.read(10_000_000)
    finally:
        response.close()


@pytest.mark.parametrize("aborts", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("body", [b"{}", b"x" * 2_000_000], ids=["small", "large"])
async def test_what_a_dead_idle_connection_swallowed_is_sent_once_more(upstream, aborts, body):
    made, transport, url = upstream
    await ask(transport, url)
    made.aborts = aborts

    assert await ask(transport, url, body) == b"ok"
    assert (made.connections, made.requests) == (2, 3)


async def test_eight_dead_connections_cost_no_answer(upstream):
    made, transport, url = upstream
    await asyncio.gather(*(ask(transport, url) for _ in range(8)))
    assert made.connections == 8

    answers = await asyncio.gather(*(ask(transport, url) for _ in range(8)))

    assert answers == [b"ok"] * 8
    assert made.requests == 24


async def test_a_fresh_connection_that_dies_is_a_failure_at_once(upstream):
    made, transport, url = upstream
    made.first = b""

    with pytest.raises(UpstreamError) as failure:
        await ask(transport, url)

    assert failure.value.kind is ErrorKind.NETWORK
    assert made.requests == 1


async def test_it_is_sent_again_only_once(upstream):
    made, transport, url = upstream
    await ask(transport, url)
    made.first = b""

    with pytest.raises(UpstreamError):
        await ask(transport, url)

    assert made.requests == 3


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 200 OK\r\ncontent-le", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal"]
)
async def test_an_answer_that_has_begun_is_not_asked_for_again(upstream, begun):
    made, transport, url = upstream
    await ask(transport, url)
    made.later = begun

    with pytest.raises(UpstreamError) as failure:
        await ask(transport, url)

    assert failure.value.kind is ErrorKind.NETWORK
    assert made.requests == 2
