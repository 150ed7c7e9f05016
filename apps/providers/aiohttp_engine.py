"""Upstream calls by aiohttp; its types and exceptions stop here.

One connection pool a process, made on the running loop and closed at shutdown, never while in use. httpx's Request and
Response cost about 30 us a request, ours 0.15 (docs/PERFORMANCE.md), so they stay off this path.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

from apps.core import clock
from apps.providers.aiohttp_body import AiohttpBody, LowerHeaders, translated
from apps.providers.open_answer import OpenAnswer
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import CONNECTED_AT, Timeouts, UpstreamResponse
from apps.providers.upstream_hosts import forbidden

KEEPALIVE_S = 60.0
DNS_TTL_S = 60
MAX_REMEMBERED = 2_000  # parsed URLs and timeouts: bounds, not tunings
AUTO_HEADERS = frozenset({hdrs.ACCEPT, hdrs.ACCEPT_ENCODING})
USER_AGENT = "FreeAI"
LARGE_BODY_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024
CONNECTOR: dict[str, Any] = {"limit": 0, "ttl_dns_cache": DNS_TTL_S, "family": socket.AF_UNSPEC}
NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


REUSED: ContextVar[bool] = ContextVar("reused", default=False)
"""Whether the connection of this task's latest call had served before."""


class Connector(aiohttp.TCPConnector):
    """A connection pool that tells by REUSED what it gave away. A connection over which something came while nobody had asked is none to
    ask by: aiohttp would take that for the next answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Any:
        """See BaseConnector."""
        connection = await super().connect(*args, **options)
        while connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(*args, **options)
        CONNECTED_AT.set(clock.monotonic())
        protocol = connection.protocol
        REUSED.set(protocol in self._known)
        if protocol is not None:
            self._known.add(protocol)
        return connection


class Resolver(ThreadedResolver):
    """Names of upstreams: those that lead to where no provider is resolve to nothing."""

    async def resolve(self, *args: Any, **options: Any) -> list[ResolveResult]:
        """Raises OSError."""
        found = await super().resolve(*args, **options)
        if forbidden(entry["host"] for entry in found):
            raise OSError("no provider is at this address")
        return found


class AiohttpTransport:
    """Sends over one shared aiohttp session; a second one, of connections for one call each, serves what is sent again."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self._timeouts: dict[Timeouts, aiohttp.ClientTimeout] = {}

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """See `Transport.open`. A reused connection that the upstream closed while it was idle says nothing of the upstream's health: what
        was sent over it, and got no byte in answer, is sent once more over a fresh one."""
        if self._session is None:
            self._session = _session(
                Connector(keepalive_timeout=KEEPALIVE_S, resolver=Resolver(), **CONNECTOR)
            )
        REUSED.set(False)
        try:
            return await self._send(self._session, request, timeouts)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not REUSED.get() or not _died_unanswered(error):
                raise translated(error) from error
        except NETWORK_ERRORS as error:
            raise translated(error) from error
        if self._fresh is None:
            self._fresh = _session(aiohttp.TCPConnector(force_close=True, resolver=Resolver(), **CONNECTOR))
        try:
            return await self._send(self._fresh, request, timeouts)
        except NETWORK_ERRORS as error:
            raise translated(error) from error

    async def aclose(self) -> None:
        """Close the pool. Open answers end with a network error."""
        for session in (self._session, self._fresh):
            if session is not None:
                await session.close()
        self._session = self._fresh = None

    async def _send(
        self, session: aiohttp.ClientSession, request: UpstreamRequest, timeouts: Timeouts
    ) -> OpenAnswer:
        response = await session.request(
            request.method,
            self._url(request.url),
            data=_sendable(request.body),
            headers=_headers(request),
            timeout=self._timeout(timeouts),
            allow_redirects=False,
            skip_auto_headers=AUTO_HEADERS,
        )
        return OpenAnswer(response.status, LowerHeaders(response), AiohttpBody(response))

    def _url(self, url: str) -> URL:
        """The parsed URL; their number is bounded by the catalogue, and the memo by a round figure."""
        parsed = self._urls.get(url)
        if parsed is None:
            if len(self._urls) > MAX_REMEMBERED:
                self._urls.clear()
            parsed = self._urls[url] = URL(url)
        return parsed

    def _timeout(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        known = self._timeouts.get(timeouts)
        if known is None:
            if len(self._timeouts) > MAX_REMEMBERED:
                self._timeouts.clear()
            known = self._timeouts[timeouts] = aiohttp.ClientTimeout(
                total=None,
                sock_connect=timeouts.connect_s,
                sock_read=timeouts.read_s,
            )
        return known


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        headers={hdrs.USER_AGENT: USER_AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=64 * 1024,
        max_field_size=64 * 1024,
        read_bufsize=256 * 1024,
    )


def _died_unanswered(error: aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) -> bool:
    """Whether the connection ended before the first byte of an answer: not refused, and not in the middle of an answer's head."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # otherwise it holds what came of the head
    return not isinstance(error, aiohttp.ClientConnectorError)


def _sendable(body: bytes) -> bytes | AsyncIterator[memoryview] | None:
    """A large body goes out in pieces: written at once it would hold the event loop. Of a file aiohttp would make a copy."""
    return _pieces(body) if len(body) > LARGE_BODY_BYTES else body or None


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    whole = memoryview(body)
    for at in range(0, len(body), PIECE_BYTES):
        yield whole[at : at + PIECE_BYTES]


def _headers(request: UpstreamRequest) -> Mapping[str, str]:
    """With the length where aiohttp cannot know it: not all upstreams take bodies in chunks."""
    if len(request.body) <= LARGE_BODY_BYTES:
        return request.headers
    return {**request.headers, hdrs.CONTENT_LENGTH: str(len(request.body))}
