"""Offers to upgrade, on a real socket: the request is answered over HTTP/1.1 as if nothing had been offered."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import uvicorn
from uvicorn.server import ServerState

from apps.gateway.edge.protocol import Protocol
from apps.gateway.edge.websocket import WebSocket

OFFER = (
    b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
)
PLAIN = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(scope, receive, send) -> None:
    """Answers with the method, the path and the body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = f"<{scope['method']} {scope['path']} ".encode() + body + b">"
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(echo, ws=WebSocket, lifespan="off", log_config=None, log_level="error")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(config, state, {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def say(port: int, *parts: bytes) -> bytes:
    """What the server answers to `parts`, written one after the other, until it has been silent for a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.01 if len(parts) < 10 else 0)
    answer = b""
    with contextlib.suppress(TimeoutError):
        while data := await asyncio.wait_for(reader.read(65536), 0.3):
            answer += data
    writer.close()
    return answer


def bodies(answer: bytes) -> list[bytes]:
    return [part.partition(b">")[0] for part in answer.split(b"<")[1:]]


@pytest.mark.parametrize(
    "parts",
    [
        [OFFER + b"Content-Length: 5\r\n\r\nhello"],
        [OFFER + b"Content-Length: 5\r\n\r\n", b"he", b"llo"],
        [OFFER + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", b"lo\r\n0\r\n\r\n"],
        [bytes([byte]) for byte in OFFER + b"Content-Length: 5\r\n\r\nhello"],
        [OFFER.replace(b"h2c", b"foo/2") + b"Content-Length: 5\r\n\r\nhello"],
        [OFFER.replace(b"h2c", b"websocket") + b"Content-Length: 5\r\n\r\nhello"],
    ],
    ids=["whole", "split", "chunked", "byte by byte", "unknown protocol", "websocket"],
)
async def test_the_body_behind_an_offer_arrives(port, parts):
    assert bodies(await say(port, *parts)) == [b"POST /a hello"]


async def test_expect_continue_is_kept(port):
    answer = await say(port, OFFER + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", b"hello")

    assert answer.startswith(b"HTTP/1.1 100 Continue")
    assert bodies(answer) == [b"POST /a hello"]


async def test_the_connection_serves_further_requests(port):
    body = b"Content-Length: 3\r\n\r\nabc"

    answer = await say(port, OFFER + body + OFFER + body + PLAIN)

    assert bodies(answer) == [b"POST /a abc", b"POST /a abc", b"GET /b "]


async def test_a_client_that_asks_to_close_is_closed(port):
    offer = OFFER.replace(b"Upgrade, HTTP2-Settings", b"close, Upgrade")

    answer = await say(port, offer + b"Content-Length: 2\r\n\r\nhi")

    assert bodies(answer) == [b"POST /a hi"]
    assert b"connection: close" in answer


async def test_two_bodies_behind_one_head_are_refused(port):
    smuggled = OFFER + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + PLAIN

    answer = await say(port, smuggled)

    assert answer.startswith(b"HTTP/1.1 400")
    assert bodies(answer) == []
