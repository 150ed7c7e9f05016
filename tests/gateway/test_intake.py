"""How much a connection may have under way: requests behind one another, and bodies in next to nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest
import uvicorn
from uvicorn.server import ServerState

from apps.gateway.edge import protocol
from apps.gateway.edge.intake import Intake
from apps.gateway.edge.protocol import Protocol

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
MOST = protocol.MOST_QUEUED


class Server:
    """Answers with the path and the length of the body when it may; `/early` at once."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.state = ServerState()
        self.port = 0

    async def app(self, scope, receive, send) -> None:
        size, more = 0, scope["path"] != "/early"
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await self.may_answer.wait()
        body = f"<{scope['path']} {size}>".encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @property
    def connection(self) -> Protocol:
        (only,) = self.state.connections
        assert isinstance(only, Protocol)
        return only


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    config = uvicorn.Config(
        made.app, interface="asgi3", ws="none", lifespan="off", log_config=None, log_level="error"
    )
    config.load()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Protocol(config, made.state, {}), "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - of a server that tells nobody
            await asyncio.sleep(0.005)


async def hear(reader: asyncio.StreamReader, answers: int) -> bytes:
    heard = b""
    async with asyncio.timeout(10):
        while heard.count(b">") < answers and (data := await reader.read(65536)):
            heard += data
    return heard


class TestRequestsBehindOneAnother:
    async def test_few_are_made_of_many_and_nothing_more_is_read(self, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        many = b"".join(GET % number for number in range(5_000))

        writer.write(many)
        await until(lambda: server.connection.pipeline)

        assert len(server.connection.pipeline) == MOST
        assert server.connection.flow.read_paused
        server.may_answer.set()
        paths = [part.split()[0] for part in (await hear(reader, 5_000)).split(b"</")[1:]]
        assert paths == [str(number).encode() for number in range(5_000)]
        assert not server.connection.flow.read_paused
        writer.close()

    async def test_bodies_among_them_arrive(self, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = b"\r\n\r\n" * 25_000
        one = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        server.may_answer.set()

        writer.write((one + GET % 7) * 20)

        assert (await hear(reader, 40)).count(b"</a 100000>") == 20
        writer.close()

    async def test_a_client_that_leaves_takes_its_own_along(self, server, caplog):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET % 1 * 5_000)
        await until(lambda: server.connection.pipeline)

        server.connection.transport.abort()  # a paused reader is told when it writes
        await until(lambda: not server.state.connections)
        server.may_answer.set()
        await until(lambda: not server.state.tasks)

        assert server.state.total_requests == 0
        assert not caplog.records
        writer.close()

    async def test_an_error_behind_them_is_not_told_inside_of_an_answer(self, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET % 1 + CHUNKED % b"2" + b"1\r\n \r\n" * 5_000)

        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await until(lambda: not server.state.connections)
        writer.close()


class TestChunks:
    async def said(self, server: Server, *parts: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(reader.read(65536), 5)
        return b""

    async def test_too_many_tiny_ones_are_refused(self, server, monkeypatch):
        looked: list[int] = []
        taken = Protocol.on_body

        def look(self: Protocol, body: bytes) -> None:
            looked.append(len(body))
            taken(self, body)

        monkeypatch.setattr(Protocol, "on_body", look)
        server.may_answer.set()

        answer = await self.said(server, CHUNKED % b"v1/a" + b"1\r\n \r\n" * 50_000)

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_chunks_too_small"
        assert len(looked) < 1_100
        await until(lambda: not server.state.connections)

    async def test_behind_an_answer_too(self, server):
        server.may_answer.set()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(CHUNKED % b"early")
        assert (await hear(reader, 1)).startswith(b"HTTP/1.1 200 ")

        with contextlib.suppress(ConnectionError):
            writer.write(b"1\r\n \r\n" * 50_000)
            await writer.drain()

        await until(lambda: not server.state.connections)
        writer.close()

    @pytest.mark.parametrize(("size", "times"), [(1, 1_000), (64, 20_000), (100_000, 30)])
    async def test_those_of_a_stream_are_taken(self, server, size, times):
        server.may_answer.set()
        chunk = b"%x\r\n%s\r\n" % (size, b"a" * size)

        answer = await self.said(server, CHUNKED % b"a" + chunk * times + b"0\r\n\r\n")

        assert answer.endswith(b"</a %d>" % (size * times))

    async def test_what_nobody_wants_is_read_a_piece_a_turn(self, server, monkeypatch):
        server.may_answer.set()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\na")
        assert (await hear(reader, 1)).startswith(b"HTTP/1.1 200 ")
        paused: list[bool] = []
        flow = server.connection.flow
        pause = flow.pause_reading

        def pausing() -> None:
            paused.append(True)
            pause()

        monkeypatch.setattr(flow, "pause_reading", pausing)

        writer.write(b"a" * 2_999_999 + GET % 1)

        assert b"</1 0>" in await hear(reader, 1)
        assert len(paused) >= 5
        writer.close()


class TestTargets:
    @pytest.mark.parametrize(
        ("target", "path"),
        [
            (b"http://x/a/b?c=d", b"/a/b"),
            (b"http://x", b"/"),
            (b"//a//b", b"//a//b"),
            (b"*", b"*"),
            (b"/%2A", b"/*"),
        ],
    )
    async def test_the_path_is_found(self, server, target, path):
        server.may_answer.set()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        writer.write(b"OPTIONS %s HTTP/1.1\r\nHost: x\r\n\r\n" % target)

        assert b"<%s 0>" % path in await hear(reader, 1)
        writer.close()

    @pytest.mark.parametrize("method", [b"CONNECT", b"GET"])
    async def test_what_is_none_is_refused(self, server, method):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

        writer.write(b"%s x:80 HTTP/1.1\r\nHost: x\r\n\r\n" % method)

        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 400 ")
        writer.close()


def test_what_is_left_comes_in_order():
    intake = Intake()
    intake.put(b"a\r\n\r\nb\r\n\r\nc")

    taken = [bytes(intake.take(1))]
    intake.put(b"\r\n\r\nd")
    while intake:
        taken.append(bytes(intake.take(1)))

    assert taken == [b"a\r\n\r\n", b"b\r\n\r\n", b"c\r\n\r\n", b"d"]
