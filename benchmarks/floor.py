"""The floor: FreeAI's stack relaying without any logic, as the measure of what the rest costs.

uvicorn, a lean subclass of Django's ASGIHandler and aiohttp with the settings of FreeAI's transport. The key
is looked up by its SHA-256, the request parsed, the answer parsed and four fields injected into it, or into
every frame. Under `/raw` the answer's bytes are passed on as they come.

`python -m benchmarks.floor PORT UPSTREAM_URL KEY` serves until it is terminated.
"""

import hashlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from typing import Any

import aiohttp
import django
import orjson
import uvicorn
from aiohttp import hdrs
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path, resolve, set_script_prefix
from yarl import URL

from benchmarks import wire

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

INJECTED = {
    "provider": "bench-01",
    "real_model": wire.MODEL,
    "strategy_used": "auto",
    "fallback_chain": ["bench-01"],
}
KEEPALIVE_S = 60.0
UPSTREAM: "Upstream"
CLIENT_KEEPALIVE_S = 75


class Upstream:
    """The pooled session, the upstream's address, and the client keys that may pass."""

    def __init__(self, url: str, key: str) -> None:
        self._url = URL(url + wire.PATH)
        self._digests = {hashlib.sha256(key.encode()).digest()}
        self._session: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_connect=5, sock_read=60)

    def admits(self, request: HttpRequest) -> bool:
        """Whether the request carries a known client key."""
        key = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        return hashlib.sha256(key.encode()).digest() in self._digests

    async def open(self, body: bytes) -> aiohttp.ClientResponse:
        """Send the request on."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=KEEPALIVE_S, family=socket.AF_UNSPEC
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=64 * 1024,
                max_field_size=64 * 1024,
                read_bufsize=256 * 1024,
            )
        return await self._session.post(
            self._url,
            data=body,
            headers={"Authorization": f"Bearer {wire.PROVIDER_KEY}", "Content-Type": "application/json"},
            timeout=self._timeout,
            allow_redirects=False,
            skip_auto_headers=frozenset({hdrs.ACCEPT, hdrs.ACCEPT_ENCODING}),
        )


class Stream(HttpResponseBase):
    """A streamed answer."""

    streaming = True

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        super().__init__(content_type="text/event-stream; charset=utf-8")
        self.parts = parts


async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    """Parsed and relayed, with the four fields."""
    if not UPSTREAM.admits(request):
        return HttpResponse(b'{"error":{"message":"unauthorized"}}', status=401)
    streamed = orjson.loads(request.body).get("stream", False)
    response = await UPSTREAM.open(request.body)
    if streamed:
        return Stream(_injected(response))
    answer = orjson.loads(await response.read())
    answer.update(INJECTED)
    return HttpResponse(orjson.dumps(answer), content_type="application/json")


async def raw(request: HttpRequest) -> HttpResponseBase:
    """The upstream's bytes as they come."""
    if not UPSTREAM.admits(request):
        return HttpResponse(b'{"error":{"message":"unauthorized"}}', status=401)
    response = await UPSTREAM.open(request.body)
    return Stream(response.content.iter_any())


async def _injected(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The frames of each read as one write."""
    rest = b""
    async for data in response.content.iter_any():
        *events, rest = (rest + data).split(b"\n\n")
        yield b"".join([_inject(event) for event in events])


def _inject(event: bytes) -> bytes:
    data = event[6:]  # after "data: "
    if data == b"[DONE]":
        return wire.DONE
    chunk = orjson.loads(data)
    chunk.update(INJECTED)
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


class FloorHandler(ASGIHandler):
    """Django's request and URLconf, the body in memory, no middleware, no signals."""

    def __init__(self) -> None:
        # Not ASGIHandler's __init__, which would load middleware.
        pass

    # The types are uvicorn's; the stubs' are wider.
    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Serve one request, or follow the server's lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        set_script_prefix("/")
        request = ASGIRequest(scope, BytesIO(await _read(receive)))
        match = resolve(request.path_info)
        response: HttpResponseBase = await match.func(request, *match.args, **match.kwargs)
        headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
        start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        if isinstance(response, Stream):
            await send(start)
            async for part in response.parts:
                if part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        elif isinstance(response, HttpResponse):
            headers.append((b"content-length", str(len(response.content)).encode()))
            await send(start)
            await send({"type": "http.response.body", "body": response.content})


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


urlpatterns = [path(wire.PATH[1:], chat_completions), path(f"raw{wire.PATH}", raw)]


def main(port: int) -> None:
    """Serve until terminated, with the options of `manage.py serve`."""
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], USE_TZ=True)
    django.setup()
    uvicorn.run(
        FloorHandler(),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=CLIENT_KEEPALIVE_S,
    )


if __name__ == "__main__":
    UPSTREAM = Upstream(sys.argv[2], sys.argv[3])
    main(int(sys.argv[1]))
