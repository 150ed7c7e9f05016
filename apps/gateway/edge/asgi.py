"""The lean handler for `/v1` and the probes: Django's request, URLconf and views, without Django's thread hops.

The stock ASGIHandler sends signals, body and response.close through threads and listens for disconnects in a task of its own, at four
times the price (docs/PERFORMANCE.md). Here the body is read in memory when a view asks for it, the middleware chain is a few async
functions, and a stream is closed in place. No view opens a database connection here: Django refuses that on the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, HttpResponseBase

from apps.core import security_headers
from apps.gateway.edge.answers import EventStream, EventStreamResponse, LeanResponse
from apps.gateway.edge.disconnects import Watch
from apps.gateway.edge.http import ClientLeftError, Handler, LeanRequest
from apps.gateway.edge.middleware import CHAIN, answer_of
from apps.gateway.edge.observation import Observation
from apps.gateway.wire.errors import stopping

NO_CONTENT = 204
END = {"type": "http.response.body", "body": b""}
Send = Callable[[dict[str, Any]], Awaitable[None]]


class LeanHandler(ASGIHandler):
    """Serves the gateway's own URLconf."""

    def __init__(self) -> None:
        # Not ASGIHandler's __init__: it would load settings.MIDDLEWARE, the chain of the Django side.
        self._respond: Handler = CHAIN
        self._watch = Watch()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request. When the server stops, and not the client, the answer is ended as far as it can be."""
        request = LeanRequest(scope, receive)
        observation = Observation(request)
        guard = self._watch.begin(request, receive)
        answer = _Answer(send, observation, request)
        try:
            await answer.give(await self._respond(request))
        except ClientLeftError:
            pass
        except asyncio.CancelledError:
            if not guard.client_left:
                await answer.end_early()
        finally:
            self._watch.end(guard)
            request.let_go()
            observation.end()


class _Answer:
    """One answer on its way to the client."""

    __slots__ = ("_begun", "_observation", "_request", "_send", "_stream")

    def __init__(self, send: Send, observation: Observation, request: LeanRequest) -> None:
        self._request = request
        self._send = send
        self._observation = observation
        self._begun = False
        self._stream: EventStream | None = None

    async def give(self, response: HttpResponseBase) -> None:
        """Send all of it; a stream is closed on every ending."""
        self._observation.status = response.status_code
        if isinstance(response, EventStreamResponse):
            self._stream = response.stream
            try:
                await self._begin(response, _encoded(response.headers.items()))
                async for part in response.stream.parts():
                    if part:
                        await self._send({"type": "http.response.body", "body": part, "more_body": True})
                await self._send(END)
            finally:
                await response.stream.aclose()
            return
        if not isinstance(response, LeanResponse | HttpResponse):
            raise TypeError(f"The lean handler cannot send a {type(response).__name__}.")
        body = response.content
        headers = _encoded(response.headers.items())
        if response.status_code != NO_CONTENT:  # which has none, not one of 0 bytes (RFC 9110 § 8.6)
            headers.append((b"content-length", str(len(body)).encode()))
        await self._begin(response, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def end_early(self) -> None:
        """The server stops: an error where nothing was sent, and the last words of a stream. Nobody waits for a client that does not read:
        the server cancels once more."""
        with suppress(asyncio.CancelledError):
            if not self._begun:
                await self.give(answer_of(stopping(), self._request))
            elif self._stream is not None:
                if last_words := self._stream.last_words():
                    await self._send({"type": "http.response.body", "body": last_words, "more_body": True})
                await self._send(END)

    async def _begin(self, response: HttpResponseBase, headers: list[tuple[bytes, bytes]]) -> None:
        self._begun = True
        headers += security_headers.of_api(self._request)
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})


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
