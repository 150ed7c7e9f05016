"""Requests to `/v1` on the socket, answered by the protocol: its bytes, its order, and clients that leave."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from apps.gateway.edge.cycle import COPIED_BYTES
from apps.gateway.edge.exchange import Exchange
from apps.gateway.edge.http import ClientLeftError, LeanRequest
from apps.gateway.edge.protocol import Protocol
from tests.gateway.conftest import until

PLAIN = [(b"x-plain", b"1")]
GET = b"GET /v1/%b HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"a" * (COPIED_BYTES * 3)
MUCH = 1200
"""Times 64 KiB: more than the system takes of an answer that nobody reads."""


@dataclass
class Edge:
    """A server whose requests are answered as their paths say, and what became of them."""

    port: int = 0
    state: ServerState = field(default_factory=ServerState)
    ended: list[tuple[str, bool]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    has_read: asyncio.Event = field(default_factory=asyncio.Event)
    parts: int = 0
    clients: list["Client"] = field(default_factory=list)

    async def serve(self, request: LeanRequest, exchange: Exchange) -> None:
        try:
            await self._answer(request, exchange)
        except ClientLeftError:
            self.ended.append((request.path, True))
        except asyncio.CancelledError:
            self.ended.append((request.path, exchange.client_left))
        finally:
            request.let_go()

    async def _answer(self, request: LeanRequest, exchange: Exchange) -> None:
        match request.path.rpartition("/")[2]:
            case "echo":
                await exchange.whole(200, PLAIN, b"<" + await request.read_body() + b">")
            case "early":
                await exchange.whole(413, PLAIN, b"<no>")
            case "large":
                await exchange.whole(200, PLAIN, LARGE)
            case "nothing":
                await exchange.whole(204, PLAIN, b"")
            case "fails":
                raise RuntimeError("unforeseen")
            case "reads":
                await request.read_body()
                self.has_read.set()
                await self.go_on.wait()
            case "waits":
                await self.go_on.wait()
                await exchange.whole(200, PLAIN, b"<waited>")
            case "stream" | "much" as kind:
                await exchange.begin(200, PLAIN)
                for _ in range(MUCH if kind == "much" else 2):
                    await exchange.part(b"a" * 65536 if kind == "much" else b"part")
                    self.parts += 1
                await exchange.end()
            case _:
                await exchange.begin(200, PLAIN)
                await self.go_on.wait()
                await exchange.part(b"late")
                await exchange.end()


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async def site(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(site, ws="none", lifespan="off", log_config=None, log_level="critical")
    config.load()
    made = Edge()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Protocol(config, made.state, {}, serve=made.serve), "127.0.0.1", 0
    )
    made.port = server.sockets[0].getsockname()[1]
    yield made
    made.go_on.set()
    for client in made.clients:
        client.writer.close()
    server.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hear(self, until_said: bytes) -> bytes:
        heard = bytearray()
        async with asyncio.timeout(20):
            while until_said not in heard[-200:] and (data := await self.reader.read(65536)):
                heard += data
        return bytes(heard)


async def say(edge: Edge, data: bytes) -> Client:
    client = Client(*await asyncio.open_connection("127.0.0.1", edge.port))
    edge.clients.append(client)
    client.writer.write(data)
    return client


async def test_a_client_that_leaves_is_noticed_behind_the_last_large_part_of_a_body(edge: Edge):
    """Reading pauses at a part that is large, and nobody asks for more behind the last one."""
    client = await say(edge, b"POST /v1/reads HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
    await until(lambda: edge.state.tasks)
    (protocol,) = edge.state.connections
    assert isinstance(protocol, Protocol)
    await asyncio.sleep(0)  # its task waits for the body
    protocol.data_received(b"a" * 200_000)
    async with asyncio.timeout(20):
        await edge.has_read.wait()

    client.writer.close()

    await until(lambda: edge.ended == [("/v1/reads", True)])


async def test_a_whole_answer_is_one_write(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    client = await say(edge, b"")
    await until(lambda: edge.state.connections)
    (protocol,) = edge.state.connections
    written: list[bytes] = []
    transport = Recording(protocol.transport, written)
    protocol.transport = transport  # type: ignore[assignment]
    client.writer.write(b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" + GET % b"stream")

    await client.hear(b"0\r\n\r\n")

    first, opening, part, last = written
    assert first == b"HTTP/1.1 200 OK\r\nx-plain: 1\r\ncontent-length: 4\r\n\r\n<hi>"
    assert opening == b"HTTP/1.1 200 OK\r\nx-plain: 1\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n"
    assert (part, last) == (b"4\r\npart\r\n", b"0\r\n\r\n")


class Recording:
    def __init__(self, transport: Any, written: list[bytes]) -> None:
        self._transport, self._written = transport, written

    def write(self, data: bytes) -> None:
        self._written.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_elsewhere_the_application_answers(edge: Edge):
    client = await say(edge, b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (await client.hear(b"\r\n\r\n")).startswith(b"HTTP/1.1 299 ")


async def test_large_bodies_arrive_whole(edge: Edge):
    client = await say(edge, b"GET /v1/large HTTP/1.0\r\n\r\n")

    head, _, body = (await client.hear(b"never")).partition(b"\r\n\r\n")

    assert b"connection: close" in head
    assert body == LARGE


async def test_what_has_no_body_has_none(edge: Edge):
    client = await say(
        edge, b"HEAD /v1/stream HTTP/1.1\r\nHost: x\r\n\r\nHEAD /v1/large HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    client.writer.write(GET % b"nothing" + b"GET /v1/echo HTTP/1.1\r\nConnection: close\r\n\r\n")

    answers = (await client.hear(b"never")).split(b"HTTP/1.1 ")[1:]

    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b"", b"", b"", b"<>"]
    assert b"content-length: %d" % len(LARGE) in answers[1]
    assert b"content-length" not in answers[2]


async def test_the_head_of_a_stream_does_not_wait_for_its_first_part(edge: Edge):
    client = await say(edge, GET % b"late")

    assert b"chunked" in await client.hear(b"\r\n\r\n")
    edge.go_on.set()
    assert await client.hear(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_requests_on_one_connection_are_answered_in_their_order(edge: Edge):
    client = await say(edge, GET % b"waits" + GET % b"echo" + GET % b"stream")
    await asyncio.sleep(0)
    edge.go_on.set()

    answers = (await client.hear(b"0\r\n\r\n")).split(b"HTTP/1.1 ")[1:]

    assert [answer.partition(b"\r\n\r\n")[2][:8] for answer in answers] == [
        b"<waited>",
        b"<>",
        b"4\r\npart\r",
    ]


@pytest.mark.parametrize("path", [b"waits", b"late"])
async def test_a_client_that_leaves_ends_its_request_at_once(edge: Edge, path: bytes):
    client = await say(edge, GET % path)
    await until(lambda: edge.state.tasks)

    client.writer.transport.abort()
    await until(lambda: not edge.state.tasks)

    assert edge.ended == [(f"/v1/{path.decode()}", True)]


async def test_a_client_that_leaves_before_its_body_is_there(edge: Edge):
    client = await say(edge, b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
    await until(lambda: edge.state.tasks)

    client.writer.transport.abort()
    await until(lambda: not edge.state.tasks)

    assert edge.ended == [("/v1/echo", True)]


async def test_an_answer_before_the_body_leaves_the_connection_in_order(edge: Edge):
    client = await say(edge, b"POST /v1/early HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    assert (await client.hear(b"<no>")).startswith(b"HTTP/1.1 413 ")

    client.writer.write(b"ignored..POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")

    assert (await client.hear(b"<hi>")).startswith(b"HTTP/1.1 200 ")


async def test_what_fails_beyond_the_handler_is_a_500_that_gives_nothing_away(edge: Edge):
    client = await say(edge, GET % b"fails")

    answer = await client.hear(b"Server Error")

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"unforeseen" not in answer


async def test_nobody_writes_ahead_of_a_client_that_does_not_read(edge: Edge):
    client = await say(edge, GET % b"much")
    await until(lambda: edge.parts)
    (protocol,) = edge.state.connections
    await until(lambda: protocol.flow.write_paused)  # type: ignore[union-attr]

    stopped_at = edge.parts
    for _ in range(20):
        await asyncio.sleep(0)

    assert edge.parts == stopped_at < MUCH
    assert (await client.hear(b"\r\n0\r\n\r\n")).count(b"a" * 65536) == MUCH


async def test_expect_continue_is_answered_when_the_body_is_wanted(edge: Edge):
    head = b"POST /v1/%b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"

    wanted = await say(edge, head % b"echo")
    assert await wanted.hear(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    wanted.writer.write(b"hi")
    assert b"<hi>" in await wanted.hear(b"<hi>")

    unwanted = await say(edge, head % b"early")
    assert (await unwanted.hear(b"<no>")).startswith(b"HTTP/1.1 413 ")
