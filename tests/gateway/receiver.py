"""Who gets notices: a web server and a mail server on loopback, both real, with names that exist only in the tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from apps.providers.egress import GuardedTransport

LOOPBACK = "127.0.0.1"
HOST = "hooks.test"


async def resolve(host: str, port: int) -> list[str]:
    return [LOOPBACK] if host == HOST else ["10.1.2.3"]


def guarded() -> GuardedTransport:
    """The way there: HOST is the only one that may be reached."""
    return GuardedTransport(resolve=resolve, may_reach=lambda address: str(address) == LOOPBACK)


class Receiver:
    """`answers`: what the next requests get, statuses or handlers; then 200. `seen`: each request's headers and body."""

    def __init__(self) -> None:
        self.answers: list[int | Callable[[web.Request], Awaitable[web.StreamResponse]]] = []
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.port = 0

    def url(self, path: str = "/hook", host: str = HOST) -> str:
        return f"http://{host}:{self.port}{path}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((headers, await request.read()))
        answer = self.answers.pop(0) if self.answers else 200
        return web.Response(status=answer) if isinstance(answer, int) else await answer(request)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """The web server, while it serves."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


class MailSink:
    """Takes every mail, as a server that wants neither sign-in nor TLS."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            match line[:4].upper():
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    writer.write(b"250 taken\r\n")
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 fine\r\n")
        writer.close()


@asynccontextmanager
async def taking_mails() -> AsyncIterator[MailSink]:
    """The mail server, while it serves."""
    sink = MailSink()
    server = await asyncio.start_server(sink.serve, LOOPBACK, 0)
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink
