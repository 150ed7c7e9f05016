"""The lean handler for `/v1` and the probes: Django's request, URLconf and views, without Django's thread hops.

The stock ASGIHandler sends signals, body and response.close through threads and listens for disconnects in a task of its own, at four
times the price (docs/PERFORMANCE.md). Here the body is read in memory when a view asks for it, the middleware chain is a few async
functions, and a stream is closed in place. No view opens a database connection here: Django refuses that on the event loop.
"""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, HttpResponseBase

from apps.core import security_headers
from apps.gateway.edge.answers import EventStream, EventStreamResponse, LeanResponse
from apps.gateway.edge.disconnects import Watch
from apps.gateway.edge.exchange import AsgiExchange, Exchange
from apps.gateway.edge.http import ClientLeftError, Handler, LeanRequest
from apps.gateway.edge.middleware import CHAIN, answer_of
from apps.gateway.edge.observation import Observation
from apps.gateway.wire.errors import stopping

RESPOND: Handler = CHAIN
TOKEN = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")


class LeanHandler(ASGIHandler):
    """Serves the gateway's own URLconf over ASGI."""

    def __init__(self) -> None:
        # Not ASGIHandler's __init__: it would load settings.MIDDLEWARE, the chain of the Django side.
        self._watch = Watch()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        request, exchange = LeanRequest(scope, receive), AsgiExchange(send)
        guard = self._watch.begin(request, exchange.leave)
        try:
            await serve(request, exchange)
        finally:
            self._watch.end(guard)


async def serve(request: LeanRequest, exchange: Exchange) -> None:
    """Answer one request. When the server stops, and not the client, the answer is ended as far as it can be."""
    observation = Observation(request)
    answer = _Answer(exchange, observation, request)
    try:
        await answer.give(await RESPOND(request))
    except ClientLeftError:
        pass
    except asyncio.CancelledError:
        if not exchange.client_left:
            await answer.end_early()
    finally:
        request.let_go()
        observation.end()


class _Answer:
    """One answer on its way to the client."""

    __slots__ = ("_begun", "_exchange", "_observation", "_request", "_stream")

    def __init__(self, exchange: Exchange, observation: Observation, request: LeanRequest) -> None:
        self._request = request
        self._exchange = exchange
        self._observation = observation
        self._begun = False
        self._stream: EventStream | None = None

    async def give(self, response: HttpResponseBase) -> None:
        """Send all of it; a stream is closed on every ending."""
        status = self._observation.status = response.status_code
        if isinstance(response, EventStreamResponse):
            await self._give_parts(response)
            return
        if not isinstance(response, LeanResponse | HttpResponse):
            raise TypeError(f"The lean handler cannot send a {type(response).__name__}.")
        self._begun = True
        await self._exchange.whole(status, self._headers(response), response.content)

    async def end_early(self) -> None:
        """The server stops: an error where nothing was sent, and the last words of a stream. Nobody waits for a client that does not read:
        the server cancels once more."""
        with suppress(asyncio.CancelledError):
            if not self._begun:
                await self.give(answer_of(stopping(), self._request))
            elif self._stream is not None:
                if last_words := self._stream.last_words():
                    await self._exchange.part(last_words)
                await self._exchange.end()

    async def _give_parts(self, response: EventStreamResponse) -> None:
        self._stream = response.stream
        try:
            self._begun = True
            await self._exchange.begin(response.status_code, self._headers(response))
            async for part in response.stream.parts():
                if part:
                    await self._exchange.part(part)
            await self._exchange.end()
        finally:
            await response.stream.aclose()

    def _headers(self, response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
        return _encoded(response.headers.items()) + security_headers.of_api(self._request)


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as they are sent. Values may hold upstream text (model names): what is not printable ASCII is percent-encoded."""
    return [
        (_name(name), (value if _is_plain(value) else quote(value, safe=" /:;,=")).encode())
        for name, value in headers
    ]


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    """Of which there are few: all are ours. Raises ValueError for one that is none."""
    encoded = name.lower().encode("ascii")
    if not TOKEN.fullmatch(encoded):
        raise ValueError("This is no header's name.")
    return encoded


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()
