"""The same bytes through our connection, aiohttp's and h11's, without any socket: what each makes of them."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

import h11
from aiohttp.client_exceptions import ClientError
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from apps.providers.errors import UpstreamError
from apps.providers.http.connection import Connection
from apps.providers.http.deadlines import Deadlines
from apps.providers.http.pool import Pool
from apps.providers.http.requests import Origin

ORIGIN = Origin(False, "upstream.test", 80)
ENOUGH = 10_000_000


class Read(NamedTuple):
    """An answer: its status, its body, and whether it ended well. `serves`: the connection would serve again. `behind`: what came then."""

    status: int | None
    body: bytes
    is_whole: bool
    serves: bool | None = None
    behind: bytes = b""


class Wire(asyncio.Transport):
    """A transport of which nothing leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data) -> None:
        """Nobody reads it."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        """Who feeds it does so anyway."""

    resume_reading = pause_reading


async def by_ours(pieces: list[bytes], method: str = "GET") -> Read:
    loop = asyncio.get_running_loop()
    pool = Pool(Deadlines(loop))
    connection, wire = Connection(pool, ORIGIN, loop), Wire()
    connection.connection_made(wire)
    exchange = connection.begin(method)
    for piece in pieces:
        if not wire.closed:
            connection.data_received(piece)
    serves = pool.take(ORIGIN) is connection
    connection.connection_lost(None)
    body = b""
    try:
        await exchange.head()
        while data := await exchange.more():
            body += data
    except UpstreamError:
        return Read(exchange.status or None, body, False, serves)
    return Read(exchange.status, body, True, serves)


async def by_aiohttp(pieces: list[bytes], method: str = "GET") -> Read:
    """With the settings of our own engine on it."""
    handler, wire = ResponseHandler(asyncio.get_running_loop()), Wire()
    handler.connection_made(wire)
    handler.set_response_params(
        skip_payload=method == "HEAD",
        read_until_eof=True,
        max_line_size=65536,
        max_field_size=65536,
        read_bufsize=2**18,
    )
    for piece in pieces:
        if not wire.closed:
            handler.data_received(piece)
    handler.connection_lost(None)
    status, body = None, b""
    try:
        while status is None:
            message, payload = await handler.read()
            if 100 <= message.code <= 199 and message.code != 101:
                continue
            status = message.code
        while data := await payload.readany():
            body += data
    except (ClientError, HttpProcessingError, OSError, RuntimeError):
        return Read(status, body, False)
    return Read(status, body, True)


def by_h11(pieces: list[bytes], method: str = "GET") -> Read:
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=ENOUGH)
    client.send(h11.Request(method=method, target="/", headers=[("host", "upstream.test")]))
    client.send(h11.EndOfMessage())
    status, body = None, b""
    with suppress(h11.RemoteProtocolError):
        for number, piece in enumerate([*pieces, b""]):
            client.receive_data(piece)
            while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                match event:
                    case h11.Response():
                        status = event.status_code
                    case h11.Data():
                        body += bytes(event.data)
                    case h11.EndOfMessage():
                        behind = client.trailing_data[0] + b"".join(pieces[number + 1 :])
                        return Read(status, body, True, behind=behind)
                    case h11.ConnectionClosed():
                        return Read(status, body, False)
                    case h11.InformationalResponse() if event.status_code == 101:
                        return Read(101, b"", False)
    return Read(status, body, False)
