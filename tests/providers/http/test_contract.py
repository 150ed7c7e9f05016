"""What both engines promise of answers, well-formed and not."""

import asyncio

import pytest

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.upstream import Timeouts
from tests.providers.http.conftest import opened, read
from tests.providers.http.hostile import packed

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"

BODIES = {
    "length": ([OK + b"content-length: 5\r\n\r\nhello"], b"hello"),
    "length in pieces": ([OK + b"content-length: 5\r\n\r\nh", b"el", b"lo"], b"hello"),
    "byte by byte": ([bytes([byte]) for byte in CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"], b"hello"),
    "no body": ([OK + b"content-length: 0\r\n\r\n"], b""),
    "chunked": ([CHUNKED, b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"], b"hello"),
    "extensions": ([CHUNKED + b"5;a=b\r\nhello\r\n0;c\r\n\r\n"], b"hello"),
    "trailers": ([CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"], b"hello"),
    "100 first": ([b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"content-length: 5\r\n\r\nhello"], b"hello"),
    "103 twice": (
        [b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n" * 2 + OK + b"content-length: 1\r\n\r\nx"],
        b"x",
    ),
}


@pytest.mark.parametrize(("pieces", "body"), BODIES.values(), ids=BODIES)
async def test_a_body_ends_where_it_says(transport, upstream, pieces, body):
    upstream.answer(*pieces)

    for _ in range(3):
        assert await read(transport, upstream.url) == (200, body)
    assert upstream.connections == 1


@pytest.mark.parametrize("status", [204, 304])
async def test_some_statuses_have_no_body(transport, upstream, status):
    upstream.answer(b"HTTP/1.1 %d X\r\ncontent-length: 5\r\n\r\n" % status)

    for _ in range(2):
        assert await read(transport, upstream.url) == (status, b"")
    assert upstream.connections == 1


async def test_an_answer_to_head_has_no_body(transport, upstream):
    upstream.answer(OK + b"content-length: 5\r\n\r\n")

    assert await read(transport, upstream.url, method="HEAD", body=b"") == (200, b"")


async def test_a_body_without_a_length_ends_with_the_connection(transport, upstream):
    upstream.answer(OK + b"\r\n", b"hel", b"lo", ends=True)

    for _ in range(2):
        assert await read(transport, upstream.url) == (200, b"hello")
    assert upstream.connections == 2


@pytest.mark.parametrize("first", [OK + b"connection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
async def test_who_wants_to_close_is_not_asked_again(transport, upstream, first):
    upstream.answer(first + b"content-length: 2\r\n\r\nok")

    for _ in range(2):
        assert await read(transport, upstream.url) == (200, b"ok")
    assert upstream.connections == 2


async def test_headers_are_told_in_lower_case_and_the_first_of_each_counts(transport, upstream):
    upstream.answer(OK + b"Content-Length: 0\r\nX-One:  a \r\nx-one: b\r\nX-Utf: \xc3\xa9\r\n\r\n")

    headers = (await opened(transport, upstream.url)).headers

    assert (headers["x-one"], headers["x-utf"], headers.get("x-two")) == ("a", "é", None)
    assert sorted(set(headers)) == ["content-length", "x-one", "x-utf"]


BROKEN = {
    "nothing": b"",
    "half a head": OK + b"content-le",
    "half a length": OK + b"content-length: 9\r\n\r\nhal",
    "half a chunk": CHUNKED + b"9\r\nhal",
    "no last chunk": CHUNKED + b"3\r\nhal\r\n",
    "half a last chunk": CHUNKED + b"3\r\nhal\r\n0\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "another protocol": b"HTTP/1.1 101 X\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nokk",
    "a chunk that is none": CHUNKED + b"zz\r\nok\r\n",
    "a NUL": OK + b"x-a: \0\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_what_is_broken_is_an_error_of_the_network(transport, upstream, request, answer):
    if b" 101 " in answer and "aiohttp" in request.node.name:
        pytest.skip("aiohttp hands it on, as a status that nobody takes for an answer")
    upstream.answer(answer, ends=True)

    with pytest.raises(UpstreamError) as failure:
        await read(transport, upstream.url)

    assert (failure.value.kind, failure.value.timed_out) == (ErrorKind.NETWORK, False)
    await upstream.until(lambda: upstream.open == 0)


@pytest.mark.parametrize("body", [b"", b"0\r\n\r\n"], ids=["length", "chunked"])
async def test_what_is_behind_an_answer_is_nobody_elses(transport, upstream, body):
    first = CHUNKED if body else OK + b"content-length: 0\r\n\r\n"
    evil = OK + b"content-length: 4\r\n\r\nevil"
    upstream.answers = [[first + body + evil], [first + body, evil], [OK + b"content-length: 2\r\n\r\nok"]]

    for _ in range(2):
        response = await opened(transport, upstream.url)
        await response.read_beginning(10)
        await upstream.arrived()
    answers = [await read(transport, upstream.url) for _ in range(3)]

    assert answers == [(200, b"ok")] * 3


async def test_an_idle_connection_that_says_something_is_closed(transport, upstream):
    await read(transport, upstream.url)
    upstream.answers = [[b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"HTTP/1.1 408 Gone\r\n\r\n"]]
    await read(transport, upstream.url)
    await upstream.arrived()
    upstream.answer(OK + b"content-length: 3\r\n\r\nyes")

    assert await read(transport, upstream.url) == (200, b"yes")


@pytest.mark.parametrize(
    "first", [[], [OK + b"content-length: 9\r\n\r\nhal"], [OK[:9]]], ids=["silent", "body", "head"]
)
async def test_silence_is_an_end(transport, upstream, first):
    upstream.answer(*first)

    with pytest.raises(UpstreamError) as failure:
        await read(transport, upstream.url, timeouts=Timeouts(5, 0.2))

    assert failure.value.timed_out
    await upstream.until(lambda: upstream.open == 0)


async def test_time_counts_from_read_to_read(transport, upstream):
    upstream.pause_s = 0.2
    upstream.answer(OK, b"content-length: 5\r\n\r\n", b"h", b"e", b"l", b"l", b"o")

    assert await read(transport, upstream.url, timeouts=Timeouts(5, 1)) == (200, b"hello")


async def test_who_is_not_there_is_an_error(transport):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    with pytest.raises(UpstreamError, match="refused the connection"):
        await read(transport, f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("url", ["http://[::1/", "ftp://a.test/", "http:///v1", "http://a.test:99999/"])
async def test_a_url_that_is_none_is_an_error(transport, url):
    with pytest.raises(UpstreamError) as failure:
        await read(transport, url)

    assert failure.value.kind is ErrorKind.NETWORK


@pytest.mark.parametrize(
    "headers",
    [{"x": "a\r\nx-injected: 1"}, {"x": "a\nb"}, {"x": "a\rb"}, {"x": "a\0"}, {"x\r\ny": "a"}],
)
async def test_no_header_begins_another_one(transport, upstream, headers):
    with pytest.raises(UpstreamError) as failure:
        await read(transport, upstream.url, headers=headers)

    assert failure.value.kind is ErrorKind.NETWORK
    assert upstream.heads == []


async def test_what_is_sent(transport, upstream):
    await read(
        transport, upstream.url + "/a b/é?x=1 2#frag", headers={"authorization": "Bearer é"}, body=b"12345"
    )

    (head,) = upstream.heads
    first, *lines = head.lower().decode().rstrip().split("\r\n")
    host = upstream.url.removeprefix("http://").removesuffix("/v1")
    assert (
        first == "post /v1/a%20b/%c3%a9?x=1+2 http/1.1" or first == "post /v1/a%20b/%c3%a9?x=1%202 http/1.1"
    )
    assert {f"host: {host}", "user-agent: freeai", "authorization: bearer é", "content-length: 5"} <= set(
        lines
    )
    assert not [line for line in lines if line.startswith(("accept", "transfer", "expect"))]


async def test_a_preset_may_say_who_is_meant_and_who_asks(transport, upstream):
    await read(transport, upstream.url, headers={"Host": "inner.test", "user-agent": "curl"})

    lines = upstream.heads[0].lower().split(b"\r\n")
    assert [line for line in lines if line.startswith((b"host", b"user"))] == [
        b"host: inner.test",
        b"user-agent: curl",
    ]


@pytest.mark.parametrize(("method", "length"), [("GET", False), ("POST", True)])
async def test_no_body_is_said_where_one_is_expected(transport, upstream, method, length):
    await read(transport, upstream.url, method=method, body=b"")

    assert (b"content-length: 0" in upstream.heads[0].lower()) is length


async def test_redirects_are_answers(transport, upstream):
    upstream.answer(b"HTTP/1.1 307 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")

    assert await read(transport, upstream.url) == (307, b"")


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw"])
async def test_what_is_packed_is_unpacked(transport, upstream, name):
    body = packed(name, b"hello " * 1000)
    encoding = b"deflate" if name == "raw" else name.encode()
    upstream.answer(
        OK + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (encoding, len(body)),
        body[:20],
        body[20:],
    )

    for _ in range(2):
        assert await read(transport, upstream.url) == (200, b"hello " * 1000)
    assert upstream.connections == 1


@pytest.mark.parametrize(
    ("encoding", "body"), [("br", b"x"), ("zstd", b"x"), ("gzip", b"no gzip"), ("deflate", b"\x08no")]
)
async def test_what_cannot_be_unpacked_is_an_error(transport, upstream, encoding, body):
    upstream.answer(
        OK + f"content-encoding: {encoding}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )

    with pytest.raises(UpstreamError):
        await read(transport, upstream.url)


async def test_a_large_body_arrives(transport, upstream):
    body = b"x" * 3_000_000
    upstream.answer(OK + b"content-length: %d\r\n\r\n" % len(body), body)

    assert await read(transport, upstream.url, body=body) == (200, body)


async def test_who_answers_before_the_end_of_a_request_is_heard(transport, upstream):
    upstream.reads = False
    upstream.answer(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")

    response = await opened(transport, upstream.url, body=b"x" * 40_000_000)

    assert response.status == 413
    response.close()
    await upstream.until(lambda: upstream.open == 0)


@pytest.mark.parametrize("pieces", [[], [OK + b"content-length: 9\r\n\r\nhal"]], ids=["head", "body"])
async def test_who_is_cancelled_leaves_no_connection(transport, upstream, pieces):
    upstream.answer(*pieces)

    async def call():
        response = await opened(transport, upstream.url)
        try:
            await response.read(100)
        finally:
            response.close()

    task = asyncio.create_task(call())
    await upstream.until(lambda: upstream.heads)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await upstream.until(lambda: upstream.open == 0)


async def test_who_is_cancelled_while_sending_leaves_no_connection(transport, upstream):
    upstream.reads = False
    upstream.answer()
    task = asyncio.create_task(opened(transport, upstream.url, body=b"x" * 40_000_000))
    await upstream.until(lambda: upstream.heads)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await upstream.until(lambda: upstream.open == 0)


async def test_whenever_somebody_leaves_the_next_one_gets_an_answer_of_its_own(transport, upstream):
    upstream.echoes = True
    for turns in range(60):
        task = asyncio.create_task(read(transport, upstream.url, body=b"left %d" % turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        asked = [b"%d of %d" % (number, turns) for number in range(3)]
        answers = await asyncio.gather(*(read(transport, upstream.url, body=body) for body in asked))
        assert answers == [(200, body) for body in asked]

    assert upstream.open <= 4


async def test_closing_fails_what_is_open(transport, upstream):
    upstream.answer(OK + b"content-length: 9\r\n\r\nhal")
    response = await opened(transport, upstream.url)
    chunks = response.chunks()
    assert await anext(chunks) == b"hal"

    await transport.aclose()

    with pytest.raises(UpstreamError):
        await anext(chunks)


async def test_who_gives_back_and_closes_has_given_back(transport, upstream):
    upstream.pause_s = 0.02
    upstream.answer(CHUNKED + b"2\r\nok\r\n", b"0\r\n\r\n")
    for _ in range(3):
        response = await opened(transport, upstream.url)
        response.release()
        response.close()
        await upstream.arrived()

    assert upstream.connections == 1


async def test_who_closes_and_gives_back_has_closed(transport, upstream):
    upstream.answer(CHUNKED + b"2\r\nok\r\n")
    response = await opened(transport, upstream.url)
    response.close()
    response.release()

    await upstream.until(lambda: upstream.open == 0)
