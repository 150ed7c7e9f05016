"""What a connection may cost before anybody knows whose it is: heads, bodies and readers that never come to an end."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson
import pytest
import uvicorn
from uvicorn.server import ServerState

from apps.gateway.edge import patience
from apps.gateway.edge.protocol import Protocol

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
MUCH = 64 * 1024 * 1024
"""More than the system takes for a connection of which nobody reads: 4 MiB on the way out and 32 on the way in, where it is generous."""


@dataclass
class Server:
    """A server with the protocol, and what it has open."""

    port: int
    state: ServerState

    def sweep(self, in_s: float) -> None:
        """As if so many seconds had passed."""
        now = asyncio.get_running_loop().time() + in_s
        patience.sweep(self.state.connections, now)  # type: ignore[arg-type]  # all of our protocol


async def app(scope, receive, send) -> None:
    """Reads all of it and answers `ok`; `/early` does not wait for the body, `/much` answers a lot."""
    if scope["path"] != "/early":
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
    part, times = (b"a" * 65536, MUCH // 65536) if scope["path"] == "/much" else (b"ok", 1)
    headers = [(b"content-length", str(len(part) * times).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(times):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, log_level="error")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
    yield Server(listening.sockets[0].getsockname()[1], state)
    listening.close()


class Client:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, *parts: bytes) -> None:
        """Until the server takes no more."""
        with contextlib.suppress(ConnectionError):
            for part in parts:
                self._writer.write(part)
                await self._writer.drain()
        await asyncio.sleep(0.05)

    async def hear(self) -> bytes:
        """All that comes within a moment."""
        heard = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while part := await asyncio.wait_for(self._reader.read(65536), 0.3):
                heard += part
        return heard

    async def is_closed(self) -> bool:
        """Whether the server has ended the connection."""
        try:
            return await asyncio.wait_for(self._reader.read(), 1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


@pytest.fixture
async def connect(server: Server):
    """Opens connections."""
    clients: list[Client] = []

    async def one() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", server.port, limit=65536)))
        await asyncio.sleep(0.02)
        return clients[-1]

    yield one
    for client in clients:
        client._writer.close()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


class TestHeads:
    @pytest.mark.parametrize(
        "lines",
        [
            [b"x-a: " + b"a" * 70_000 + b"\r\n"],
            [b"x-%d: a\r\n" % number for number in range(201)],
            [b"x-%d: %s\r\n" % (number, b"a" * 900) for number in range(80)],
        ],
        ids=["one that is long", "many", "long in all"],
    )
    @pytest.mark.parametrize("pieces", [1, 50])
    async def test_large_ones_are_refused_and_closed(self, connect, lines, pieces):
        client = await connect()
        head = HEAD + b"".join(lines) + b"\r\n"
        size = len(head) // pieces + 1

        await client.say(*(head[at : at + size] for at in range(0, len(head), size)))

        answer = await client.hear()
        assert status_of(answer) == 431
        assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_head_too_large"
        assert await client.is_closed()

    async def test_a_long_url_is_part_of_it(self, connect):
        client = await connect()

        await client.say(b"GET /v1/models?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")

        assert status_of(await client.hear()) == 431

    async def test_on_the_other_side_the_error_is_a_detail(self, connect):
        client = await connect()

        await client.say(b"GET /api/config HTTP/1.1\r\nx: " + b"a" * 70_000 + b"\r\n\r\n")

        assert "detail" in orjson.loads((await client.hear()).partition(b"\r\n\r\n")[2])

    async def test_of_very_many_few_are_looked_at(self, connect, server, monkeypatch):
        looked: list[bytes] = []

        def look(self: Protocol, name: bytes, value: bytes) -> None:
            looked.append(name)
            self.headers.append((name, value))

        monkeypatch.setattr("uvicorn.protocols.http.httptools_impl.HttpToolsProtocol.on_header", look)
        client = await connect()

        await client.say(HEAD + b"a: b\r\n" * 40_000)

        assert await client.is_closed()
        assert 0 < len(looked) <= 200

    async def test_one_without_end_is_not_collected(self, connect, server):
        client = await connect()

        await client.say(HEAD + b"x-a: ", *(b"a" * 65_536 for _ in range(200)))

        assert status_of(await client.hear()) in (
            0,
            431,
        )  # what was sent into the closed connection may overtake the answer
        assert not server.state.connections

    async def test_the_largest_allowed_ones_pass(self, connect):
        client = await connect()
        lines = b"".join(b"x-%d: %s\r\n" % (number, b"a" * 300) for number in range(198))

        await client.say(HEAD + lines + b"\r\n")
        await client.say(HEAD + b"content-length: 0\r\n\r\n")

        assert (await client.hear()).count(b"HTTP/1.1 200") == 2

    async def test_a_body_before_the_head_does_not_count_for_it(self, connect):
        client = await connect()
        first = HEAD + b"content-length: 200000\r\n\r\n" + b"a" * 200_000
        second = HEAD + b"content-length: 0\r\n\r\n"

        await client.say(first + second[:30])
        await client.say(second[30:])

        assert (await client.hear()).count(b"HTTP/1.1 200") == 2

    @pytest.mark.parametrize(
        "endless",
        [b"0\r\nx-trailer: ", b"5;extension="],
        ids=["a trailer", "a chunk's extension"],
    )
    async def test_what_stands_between_and_behind_chunks_is_bounded_too(self, connect, server, endless):
        client = await connect()

        await client.say(
            HEAD + b"transfer-encoding: chunked\r\n\r\n" + endless, *(b"a" * 65_536 for _ in range(20))
        )

        assert status_of(await client.hear()) in (0, 431)
        assert not server.state.connections

    async def test_trailers_are_no_headers(self, connect):
        client = await connect()

        await client.say(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx-late: 1\r\n\r\n")

        assert status_of(await client.hear()) == 200


class TestSilence:
    @pytest.mark.parametrize(
        "said", [b"", b"\r\n\r\n", b"POST", HEAD], ids=["nothing", "blank", "a word", "half"]
    )
    async def test_a_head_has_its_time(self, connect, server, said):
        client = await connect()
        await client.say(said)

        server.sweep(14)
        assert server.state.connections
        server.sweep(16)

        answer = await client.hear()
        assert status_of(answer) == 408
        assert await client.is_closed()

    async def test_of_the_second_request_too(self, connect, server):
        client = await connect()
        await client.say(HEAD + b"content-length: 0\r\n\r\n", HEAD)
        assert status_of(await client.hear()) == 200

        server.sweep(16)

        assert status_of(await client.hear()) == 408

    async def test_between_requests_it_is_the_keep_alive_that_counts(self, connect, server):
        client = await connect()
        await client.say(HEAD + b"content-length: 0\r\n\r\n")

        server.sweep(60)
        await client.say(HEAD + b"content-length: 0\r\n\r\n")

        assert (await client.hear()).count(b"HTTP/1.1 200") == 2

    @pytest.mark.parametrize("coding", [b"content-length: 100000", b"transfer-encoding: chunked"])
    async def test_a_body_has_its_time(self, connect, server, coding, settings):
        settings.FREEAI_BODY_SILENCE_S = 1000
        client = await connect()
        await client.say(HEAD + coding + b"\r\n\r\n", b"5\r\nhello\r\n")

        server.sweep(59)
        assert server.state.connections
        server.sweep(62)

        answer = await client.hear()
        assert status_of(answer) == 408
        assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
        assert await client.is_closed()

    @pytest.mark.parametrize("much", [5, 1_000_000])
    async def test_what_has_come_of_a_body_earns_no_silence(self, connect, server, much):
        client = await connect()
        await client.say(HEAD + b"content-length: 2000000\r\n\r\n", b"a" * much)

        server.sweep(14)
        assert server.state.connections
        server.sweep(17)

        assert status_of(await client.hear()) == 408
        assert await client.is_closed()

    async def test_what_has_come_early_is_not_in_advance(self, connect, server, settings):
        settings.FREEAI_BODY_SILENCE_S = 1000
        client = await connect()
        await client.say(HEAD + b"content-length: 25000000\r\n\r\n", *[b"a" * 65_536] * 320)

        server.sweep(1)
        server.sweep(60)
        assert server.state.connections
        server.sweep(63)

        assert status_of(await client.hear()) == 408

    async def test_a_slow_upload_has_more(self, connect, server, settings):
        settings.FREEAI_BODY_SILENCE_S = 1000
        client = await connect()
        await client.say(HEAD + b"content-length: 2000000\r\n\r\n", b"a" * patience.PACE * 30)

        server.sweep(85)
        assert server.state.connections
        server.sweep(97)

        assert status_of(await client.hear()) == 408

    async def test_a_body_that_nobody_waits_for_has_a_moment(self, connect, server):
        client = await connect()
        await client.say(b"POST /early HTTP/1.1\r\nHost: x\r\ncontent-length: 100000\r\n\r\n", b"a")
        assert status_of(await client.hear()) == 200

        server.sweep(4)
        assert server.state.connections
        server.sweep(6)

        assert await client.is_closed()

    async def test_within_that_moment_the_connection_goes_on(self, connect, server):
        client = await connect()
        early = b"POST /early HTTP/1.1\r\nHost: x\r\ncontent-length: 100000\r\n\r\n"
        await client.say(early, b"a" * 100_000, early, b"a" * 100_000)

        server.sweep(60)

        assert (await client.hear()).count(b"HTTP/1.1 200") == 2
        assert server.state.connections

    async def test_a_closed_one_is_not_kept_for_what_it_does_not_take(self, connect, server):
        client = await connect()
        await client.say(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        (connection,) = server.state.connections
        connection._stuck_since = None  # as where less waits than makes it wait
        connection.transport.close()

        server.sweep(1)
        server.sweep(30)
        assert server.state.connections
        server.sweep(33)
        await asyncio.sleep(0.05)

        assert not server.state.connections

    async def test_no_more_than_a_largest_body_is_thrown_away(self, connect, server, settings):
        settings.FREEAI_MAX_BODY_BYTES = 1_000_000
        client = await connect()

        await client.say(
            b"POST /early HTTP/1.1\r\nHost: x\r\ncontent-length: 100000000\r\n\r\n",
            *(b"a" * 65_536 for _ in range(100)),
        )

        assert not server.state.connections

    async def test_an_answer_under_way_has_no_such_limit(self, connect, server):
        client = await connect()
        await client.say(HEAD + b"content-length: 0\r\n\r\n")

        server.sweep(1000)

        assert status_of(await client.hear()) == 200

    async def test_who_takes_nothing_of_an_answer_is_left(self, connect, server):
        client = await connect()
        await client.say(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.2)

        server.sweep(29)
        assert server.state.connections
        server.sweep(31)
        await asyncio.sleep(0.05)

        assert not server.state.connections

    async def test_who_takes_a_little_of_it_now_and_then_is_not(self, connect, server):
        client = await connect()
        await client.say(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.2)
        (connection,) = server.state.connections
        buffer = connection.transport = Buffer(connection.transport, 80_000)

        for in_s, left in ((25, 80_000), (50, 55_000), (75, 30_000), (100, 5_000)):
            buffer.left = left
            server.sweep(in_s)
            await asyncio.sleep(0.02)
            assert server.state.connections
        server.sweep(135)
        await asyncio.sleep(0.05)

        assert not server.state.connections


class Buffer:
    """A transport that has so many bytes to send."""

    def __init__(self, transport, left: int) -> None:
        self._transport, self.left = transport, left

    def __getattr__(self, name: str):
        return getattr(self._transport, name)

    def get_write_buffer_size(self) -> int:
        return self.left


class TestRoom:
    async def test_the_one_silent_for_longest_makes_it(self, connect, server, settings):
        settings.FREEAI_MAX_CONNECTIONS = 3
        oldest, *others = [await connect() for _ in range(3)]

        newest = await connect()
        await newest.say(HEAD + b"content-length: 0\r\n\r\n")

        assert status_of(await newest.hear()) == 200
        assert await oldest.is_closed()
        for each in others:
            await each.say(HEAD + b"content-length: 0\r\n\r\n")
            assert status_of(await each.hear()) == 200

    async def test_requests_under_way_do_not(self, connect, server, settings):
        settings.FREEAI_MAX_CONNECTIONS = 2
        busy = [await connect() for _ in range(2)]
        for each in busy:
            await each.say(HEAD + b"content-length: 5\r\n\r\n")

        late = await connect()

        assert status_of(await late.hear()) == 503
        for each in busy:
            await each.say(b"hello")
            assert status_of(await each.hear()) == 200

    def test_by_default_what_the_system_leaves_for_clients(self, settings, monkeypatch):
        monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
        assert patience.most_connections() == 512

        settings.FREEAI_MAX_CONNECTIONS = 77
        assert patience.most_connections() == 77
