"""The lean handler for `/v1` and the probes: Django's request, URLconf and views, without Django's thread hops.

The stock ASGIHandler sends signals, body and response.close through threads and listens for disconnects in a task of its own, at four
times the price (docs/PERFORMANCE.md). Here the body is read in memory when a view asks for it, the middleware chain is a few async
functions, and a stream is closed in place. No view opens a database connection here: Django refuses that on the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, HttpResponseBase

from apps.gateway.edge.answers import EventStreamResponse, LeanResponse
from apps.gateway.edge.disconnects import Watch
from apps.gateway.edge.http import ClientLeftError, Handler, LeanRequest
from apps.gateway.edge.middleware import CHAIN

NO_CONTENT = 204
Send = Callable[[dict[str, Any]], Awaitable[None]]


class LeanHandler(ASGIHandler):
    """Serves the gateway's own URLconf."""

    def __init__(self) -> None:
        # Not ASGIHandler's __init__: it would load settings.MIDDLEWARE, the chain of the Django side.
        self._respond: Handler = CHAIN
        self._watch = Watch()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        request = LeanRequest(scope, receive)
        guard = self._watch.begin(request, receive)
        try:
            response = await self._respond(request)
            await _send(response, send)
        except ClientLeftError:
            pass
        except asyncio.CancelledError:
            if not guard.client_left:
                raise
        finally:
            self._watch.end(guard)


async def _send(response: HttpResponseBase, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status_code}
    if isinstance(response, EventStreamResponse):
        try:
            await send({**start, "headers": _encoded(response.headers.items())})
            async for part in response.stream.parts():
                if part:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.stream.aclose()
        return
    if not isinstance(response, LeanResponse | HttpResponse):
        raise TypeError(f"The lean handler cannot send a {type(response).__name__}.")
    body = response.content
    headers = _encoded(response.headers.items())
    if response.status_code != NO_CONTENT:  # which has none, not one of 0 bytes (RFC 9110 § 8.6)
        headers.append((b"content-length", str(len(body)).encode()))
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI takes them. Values may hold upstream text (model names): what is not printable ASCII is percent-encoded."""
    return [
        (
            name.lower().encode("latin-1"),
            (value if _is_plain(value) else quote(value, safe=" /:;,=")).encode(),
        )
        for name, value in headers
    ]


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()
