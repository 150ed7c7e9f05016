"""What our own client promises beyond the contract: its bounds, its addresses, its one timer."""

import asyncio
import gc
import socket
import zlib
from contextlib import ExitStack, suppress
from math import inf
from typing import Any

import pytest

from apps.providers.errors import UpstreamError
from apps.providers.http import connection as connections
from apps.providers.http import pool as pools
from apps.providers.http.dialing import Dialer
from apps.providers.http.exchange import MAX_HEAD_BYTES, MAX_HEADERS, Exchange
from apps.providers.http.unpacking import MAX_MEMBERS, PIECE_BYTES
from apps.providers.upstream import Timeouts, connected_ms
from tests.gateway.conftest import until
from tests.providers.http.conftest import opened, read
from tests.providers.http.hostile import packed

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"

TOO_MUCH = {
    "a long header": [OK + b"x: ", *[b"y" * 8192] * 60],
    "a long name": [OK, *[b"y" * 8192] * 60],
    "many headers": [OK + b"x: y\r\n" * (MAX_HEADERS + 1) + b"\r\n"],
    "a long first line": [b"HTTP/1.1 200 ", *[b"y" * 8192] * 60],
    "a head in one read": [OK + b"x: " + b"y" * MAX_HEAD_BYTES + b"\r\ncontent-length: 2\r\n\r\nok"],
    "answers that are none": [b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000],
    "trailers": [CHUNKED + b"2\r\nok\r\n0\r\n", *[b"x: y\r\n" * 50] * 60],
    "a trailer": [CHUNKED + b"2\r\nok\r\n0\r\nx: ", *[b"y" * 8192] * 60],
    "tiny pieces": [CHUNKED, *[b"1\r\na\r\n" * 1_000] * 20],
    "an extension": [CHUNKED + b"2\r\nok\r\n2;", *[b"y" * 8192] * 60],
}


@pytest.mark.parametrize("pieces", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_what_is_no_body_has_an_end(own, upstream, pieces):
    upstream.answer(*pieces)

    with pytest.raises(UpstreamError, match="no HTTP"):
        await read(own, upstream.url)

    await upstream.until(lambda: upstream.open == 0)


async def test_a_few_tiny_pieces_are_read(own, upstream):
    upstream.answer(CHUNKED, b"1\r\na\r\n" * 9_000, LAST)

    assert await read(own, upstream.url) == (200, b"a" * 9_000)


async def test_the_largest_head_is_read(own, upstream):
    many = b"".join(b"x-%d: %b\r\n" % (number, b"y" * 300) for number in range(MAX_HEADERS - 1))
    upstream.answer(OK + many + b"content-length: 2\r\n\r\nok")

    assert await read(own, upstream.url) == (200, b"ok")


async def test_who_is_not_read_is_not_listened_to(own, upstream):
    """More than all socket buffers hold stays with the upstream, and no time runs out meanwhile."""
    body = b"x" * 64 * 1024 * 1024
    upstream.answer(OK + b"content-length: %d\r\n\r\n" % len(body), body)
    response: Any = await opened(own, upstream.url, timeouts=Timeouts(5, 5))
    await until(lambda: response._body._connection.deadline == inf, 5)
    held = response._body.held

    assert held <= connections.MAX_HELD_BYTES + 256 * 1024  # and one read more
    assert upstream.answered == 0
    assert len(await response.read(len(body))) == len(body)


async def test_a_bomb_is_unpacked_as_it_is_taken(own, upstream):
    bomb = packed("gzip", bytes(50_000_000))
    upstream.answer(OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb)
    response = await opened(own, upstream.url)

    sizes = [len(data) async for data in response.chunks()]

    assert (sum(sizes), max(sizes)) == (50_000_000, PIECE_BYTES)


@pytest.mark.parametrize("members", [1, 3, MAX_MEMBERS, MAX_MEMBERS + 1])
async def test_members_of_a_packed_body_are_joined_up_to_a_number(own, upstream, members):
    body = packed("gzip", b"hello") * members
    upstream.answer(
        OK + b"content-encoding: x-gzip\r\ncontent-length: %d\r\n\r\n" % len(body), body[:25], body[25:]
    )

    if members > MAX_MEMBERS:
        with pytest.raises(UpstreamError, match="packed"):
            await read(own, upstream.url)
    else:
        assert await read(own, upstream.url) == (200, b"hello" * members)


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw"])
async def test_half_a_packed_body_is_cut_short(own, upstream, name):
    body = packed(name, b"hello" * 1000)[:-9]
    encoding = b"deflate" if name == "raw" else name.encode()
    upstream.answer(OK + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (encoding, len(body)) + body)

    with pytest.raises(UpstreamError, match="cut its answer short"):
        await read(own, upstream.url)


def test_a_bomb_is_one():
    assert len(packed("gzip", bytes(50_000_000))) < 60_000
    assert zlib.decompress(packed("deflate", b"x")) == b"x"


async def test_idle_connections_are_closed_after_a_while(own, upstream, monkeypatch):
    monkeypatch.setattr(pools, "KEEPALIVE_S", 0.1)
    await read(own, upstream.url)
    assert upstream.open == 1

    await upstream.until(lambda: upstream.open == 0)
    assert await read(own, upstream.url) == (200, b"ok")


async def test_no_more_than_so_many_connections_idle(own, upstream, monkeypatch):
    monkeypatch.setattr(pools, "MAX_IDLE", 3)

    await asyncio.gather(*(read(own, upstream.url) for _ in range(8)))
    await upstream.until(lambda: upstream.open <= 3)

    assert upstream.open == 3
    await asyncio.gather(*(read(own, upstream.url) for _ in range(3)))
    assert upstream.connections == 8


async def test_the_rest_of_an_answer_is_drained_within_bounds(own, upstream):
    upstream.answer(CHUNKED + b"2\r\nok\r\n", LAST)
    for _ in range(3):
        response = await opened(own, upstream.url)
        response.release()
        await upstream.arrived()
    assert upstream.connections == 1

    upstream.answer(CHUNKED + b"2\r\nok\r\n", *[b"1000\r\n" + b"x" * 4096 + b"\r\n"] * 200)
    response = await opened(own, upstream.url)
    response.release()

    await upstream.until(lambda: upstream.open == 0)


async def test_when_it_got_its_connection_is_known(own, upstream):
    begun = asyncio.get_running_loop().time()
    assert connected_ms(begun + 1e9) is None

    await read(own, upstream.url)

    assert connected_ms(0.0) is not None


@pytest.fixture
def named(own, monkeypatch):
    """Our engine; what names lead to, in whose order; and which were looked up."""
    known: dict[str, list[str]] = {}
    looked_up: list[str] = []

    async def look_up(self, origin):
        looked_up.append(origin.host)
        await asyncio.sleep(0)
        if origin.host not in known:
            raise socket.gaierror("unknown")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, origin.port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, origin.port))
            for address in known[origin.host]
        ]

    monkeypatch.setattr(Dialer, "_getaddrinfo", look_up)
    return own, known, looked_up


async def test_the_next_address_is_tried(named, upstream):
    own, known, _ = named
    known["upstream.test"] = ["127.0.0.9", "127.0.0.1"]

    assert await read(own, upstream.url.replace("127.0.0.1", "upstream.test")) == (200, b"ok")


async def test_an_address_that_says_nothing_does_not_hold_the_next_one(named, upstream):
    own, known, _ = named
    known["upstream.test"] = ["127.0.0.9", "127.0.0.1"]
    port = int(upstream.url.rpartition(":")[2].removesuffix("/v1"))
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.9", port))
        full.listen(0)
        for _ in range(4):  # whose queue is full: what comes then gets no answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.9", port))

        assert await read(own, upstream.url.replace("127.0.0.1", "upstream.test")) == (200, b"ok")


async def test_a_name_is_looked_up_once_for_all(named, upstream):
    own, known, looked_up = named
    known["upstream.test"] = ["127.0.0.1"]
    url = upstream.url.replace("127.0.0.1", "upstream.test")

    await asyncio.gather(*(read(own, url) for _ in range(8)))

    assert (upstream.connections, looked_up) == (8, ["upstream.test"])


async def test_a_name_that_leads_nowhere_is_an_error_and_asked_for_again(named):
    own, _, looked_up = named

    for _ in range(2):
        with pytest.raises(UpstreamError, match="does not resolve"):
            await read(own, "http://nowhere.test/")

    assert len(looked_up) == 2


@pytest.mark.parametrize("addresses", [["169.254.169.254"], ["127.0.0.1", "fd00:ec2::254"], ["0.0.0.0"]])  # noqa: S104
async def test_a_name_that_leads_where_no_provider_is_is_not_called(named, upstream, addresses):
    own, known, _ = named
    known["upstream.test"] = addresses

    with pytest.raises(UpstreamError, match="does not resolve"):
        await read(own, upstream.url.replace("127.0.0.1", "upstream.test"))

    assert upstream.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166"])
async def test_nor_is_an_address_itself(own, host):
    with pytest.raises(UpstreamError, match="does not resolve"):
        await read(own, f"http://{host}/", timeouts=Timeouts(1, 1))


async def test_nothing_of_a_call_is_left_to_the_collector(own, upstream):
    async def call(answer):
        upstream.answer(answer)
        with suppress(UpstreamError):
            await read(own, upstream.url)

    answers = [
        CHUNKED + b"2\r\nok\r\n" + LAST,
        OK + b"connection: close\r\ncontent-length: 2\r\n\r\nok",
        b"no",
    ]
    for answer in answers:
        await call(answer)
    await upstream.arrived()
    gc.collect()
    gc.disable()
    try:
        for answer in answers * 5:
            await call(answer)
        await upstream.arrived()
        kinds = (connections.Connection, Exchange)
        left = [one for one in gc.get_objects() if isinstance(one, kinds)]
    finally:
        gc.enable()

    assert len(left) <= 1


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"x y": "a"},
        {"x:": "a"},
        {"": "a"},
        {"x": "\ud800"},
    ],
)
async def test_what_cannot_stand_in_a_head_is_refused(own, upstream, headers):
    with pytest.raises(UpstreamError, match="cannot be sent"):
        await read(own, upstream.url, headers=headers)

    assert upstream.connections == 0
