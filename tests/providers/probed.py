"""Servers for the blocking key test, which needs them on another thread."""

import asyncio
import threading
from contextlib import contextmanager

from aiohttp import web


@contextmanager
def running(serve):
    """`serve()`, an async context manager, on the event loop of another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = serve()
    try:
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Page:
    """A server that gives every request the same answer: `async with Page(b"…") as url`."""

    def __init__(self, body=b"", status=200, delay_s=0.0, **headers):
        self.answer = {"body": body, "status": status, "headers": headers}
        self.delay_s = delay_s

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"

    async def __aexit__(self, *error):
        await self.runner.cleanup()

    async def handle(self, request):
        response = web.StreamResponse(status=self.answer["status"], headers=self.answer["headers"])
        await response.prepare(request)
        for byte in self.answer["body"]:
            await response.write(bytes([byte]))
            await asyncio.sleep(self.delay_s)
        return response


class SlowHead:
    """A server whose answer's head never ends, a line every so often."""

    def __init__(self, delay_s):
        self.delay_s = delay_s
        self.connections = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *error):
        self.server.close()
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def answer(self, reader, writer):
        self.connections.add(asyncio.current_task())
        writer.write(b"HTTP/1.1 200 OK\r\n")
        try:
            for _ in range(100):
                writer.write(b"x-more: 1\r\n")
                await writer.drain()
                await asyncio.sleep(self.delay_s)
        except ConnectionError:
            pass
        finally:
            writer.close()


def failure(outcome):
    """The error of a test that must have failed."""
    assert not outcome.ok
    assert outcome.error is not None
    return outcome.error
