"""A site with images on loopback, and a guarded way there under names that exist only in the tests."""

from base64 import b64encode
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from apps.providers.egress import GuardedTransport

LOOPBACK = "127.0.0.1"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PNG_URI = f"data:image/png;base64,{b64encode(PNG).decode()}"
HOSTS = {"images.test": LOOPBACK, "other.test": LOOPBACK, "internal.test": "10.1.2.3"}


async def resolve(host, port):
    return [HOSTS[host]] if host in HOSTS else []


def guarded():
    return GuardedTransport(resolve=resolve, may_reach=lambda address: str(address) == LOOPBACK)


class Site:
    """A web server on loopback. `pages`: path -> bytes or a handler; `seen`: the requests."""

    def __init__(self):
        self.pages: dict[str, Any] = {"/a.png": PNG, "/b.png": PNG + b"b"}
        self.seen: list[web.Request] = []
        self.port = 0

    def url(self, path, host="images.test"):
        return f"http://{host}:{self.port}{path}"

    def redirect(self, path, target):
        self.pages[path] = lambda request: _redirect(target)

    async def handle(self, request):
        self.seen.append(request)
        page = self.pages.get(request.path)
        if page is None:
            return web.Response(status=404)
        return (
            web.Response(body=page, content_type="text/html")
            if isinstance(page, bytes)
            else await page(request)
        )


async def _redirect(target):
    return web.Response(status=302, headers={"Location": target})


@asynccontextmanager
async def serving():
    """The site, while it serves."""
    site = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()
