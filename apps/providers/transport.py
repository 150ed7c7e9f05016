"""The only file that opens sockets upstream. aiohttp does the work; its types and exceptions stop here.

One connection pool a process, made on the running loop and closed at shutdown, never while in use. httpx's Request and
Response cost about 30 us a request, ours 0.15 (docs/PERFORMANCE.md), so they stay off this path.
"""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

import aiohttp
import orjson
from aiohttp import hdrs
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sandbox import SandboxTransport
from apps.providers.types import Timeouts, Transport, UpstreamRequest, UpstreamResponse

MAX_ANSWER_BYTES = 64 * 1024 * 1024
KEEPALIVE_S = 60.0
DNS_TTL_S = 60
TAIL_S = 2.0  # how long JSON that is complete waits for the end of its body
DRAIN_S = 1.0  # how long a connection may take to deliver the rest of an answer that is complete; aiohttp stops reading at 512 KiB
REFUSAL_S = 5.0  # how long the text of a refusal may take
WHOLE_ENDS = (b"}", b"]")
END_MARK = b"[DONE]"
MAX_REMEMBERED = 2_000  # parsed URLs and timeouts: bounds, not tunings
AUTO_HEADERS = frozenset({hdrs.ACCEPT, hdrs.ACCEPT_ENCODING})
USER_AGENT = "FreeAI"
LARGE_BODY_BYTES = 1024 * 1024
CONNECTOR: dict[str, Any] = {"limit": 0, "ttl_dns_cache": DNS_TTL_S, "family": socket.AF_UNSPEC}
NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


REUSED: ContextVar[bool] = ContextVar("reused", default=False)
"""Whether the connection of this task's latest call had served before."""


class Connector(aiohttp.TCPConnector):
    """A connection pool that tells by REUSED what it gave away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Any:
        """See BaseConnector."""
        connection = await super().connect(*args, **options)
        protocol = connection.protocol
        REUSED.set(protocol in self._known)
        if protocol is not None:
            self._known.add(protocol)
        return connection


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
            self._session = _session(Connector(keepalive_timeout=KEEPALIVE_S, **CONNECTOR))
        REUSED.set(False)
        try:
            return await self._send(self._session, request, timeouts)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not REUSED.get() or not _died_unanswered(error):
                raise _translated(error) from error
        except NETWORK_ERRORS as error:
            raise _translated(error) from error
        if self._fresh is None:
            self._fresh = _session(aiohttp.TCPConnector(force_close=True, **CONNECTOR))
        try:
            return await self._send(self._fresh, request, timeouts)
        except NETWORK_ERRORS as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        """Close the pool. Open answers end with a network error."""
        for session in (self._session, self._fresh):
            if session is not None:
                await session.close()
        self._session = self._fresh = None

    async def _send(
        self, session: aiohttp.ClientSession, request: UpstreamRequest, timeouts: Timeouts
    ) -> "_Response":
        response = await session.request(
            request.method,
            self._url(request.url),
            data=_sendable(request.body),
            headers=request.headers,
            timeout=self._timeout(timeouts),
            allow_redirects=False,
            skip_auto_headers=AUTO_HEADERS,
        )
        return _Response(response)

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


class _Response:
    """An open aiohttp answer behind the `UpstreamResponse` contract."""

    __slots__ = ("_ended", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._ended = False
        self.status = response.status
        self.headers: Mapping[str, str] = _LowerHeaders(response)

    async def read(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while data := await self._more(parts):
            size += len(data)
            if size > MAX_ANSWER_BYTES:
                self.close()
                raise UpstreamError(
                    ErrorKind.PARSING, "The upstream's answer is larger than 64 MiB.", status=self.status
                )
            parts.append(data)
        self.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_beginning(self, limit: int) -> bytes:
        body = b""
        try:
            async with asyncio.timeout(REFUSAL_S):
                while len(body) < limit and (data := await self._more([body])):
                    body += data
        except (UpstreamError, TimeoutError):
            self.close()
        self.release()
        return body[:limit]

    async def _more(self, parts: list[bytes]) -> bytes:
        """The next of the body behind `parts`; b"" at its end, and where the answer is complete but the end does not come."""
        content = self._response.content
        if content.at_eof():
            return b""
        may_be_whole = bool(parts) and parts[-1].rstrip().endswith(WHOLE_ENDS)
        try:
            return await asyncio.wait_for(content.readany(), TAIL_S if may_be_whole else None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if may_be_whole and _is_whole(b"".join(parts)):
                return b""
            if type(error) is TimeoutError:  # not aiohttp's: it was only slow
                return await self._more([])
            self.close()
            raise _translated(error) from error

    def chunks(self) -> "_Chunks":
        return _Chunks(self._response.content, self)

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._response.close()

    def release(self) -> None:
        """aiohttp gives a connection back at the end of its body by itself; what comes until then stays in its buffer, which is bounded."""
        if self._ended:
            return
        self._ended = True
        if not self._response.closed:
            timer = asyncio.get_running_loop().call_later(DRAIN_S, self._response.close)
            self._response.content.on_eof(timer.cancel)


class _Chunks:
    """The body as it arrives; an object, not a generator, so that nothing is left to the garbage collector."""

    __slots__ = ("_content", "_response")

    def __init__(self, content: aiohttp.StreamReader, response: _Response) -> None:
        self._content = content
        self._response = response

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._response.close()
            raise _translated(error) from error
        if not data:
            raise StopAsyncIteration
        return data


class _LowerHeaders(Mapping[str, str]):
    """aiohttp's headers are case-insensitive already; read through, without a copy."""

    __slots__ = ("_response",)

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __getitem__(self, name: str) -> str:
        return self._response.headers[name]

    def __iter__(self) -> Iterator[str]:
        return (name.lower() for name in self._response.headers)

    def __len__(self) -> int:
        return len(self._response.headers)


class Switchboard:
    """Sends `sandbox://` calls to the in-process sandbox and all others over the network."""

    def __init__(self, network: Transport | None = None) -> None:
        self.network: Transport = network or AiohttpTransport()
        self.sandbox: Transport = SandboxTransport()

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """See `Transport.open`."""
        target = self.sandbox if request.url.startswith("sandbox:") else self.network
        return await target.open(request, timeouts)

    async def aclose(self) -> None:
        await self.sandbox.aclose()
        await self.network.aclose()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        headers={hdrs.USER_AGENT: USER_AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=64 * 1024,
        max_field_size=64 * 1024,
        read_bufsize=256 * 1024,
    )


def _is_whole(body: bytes) -> bool:
    """Whether the body says by itself that it is complete: JSON, or the events of a stream up to their end mark."""
    if body.rstrip().endswith(END_MARK):
        return True
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _died_unanswered(error: aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) -> bool:
    """Whether the connection ended before the first byte of an answer: not refused, and not in the middle of an answer's head."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # otherwise it holds what came of the head
    return not isinstance(error, aiohttp.ClientConnectorError)


def _sendable(body: bytes) -> bytes | BytesIO | None:
    """A large body goes out in pieces: written at once it would hold the event loop."""
    return BytesIO(body) if len(body) > LARGE_BODY_BYTES else body or None


def _translated(error: Exception) -> UpstreamError:
    """The network error behind an aiohttp exception, in words that name no address and no key."""
    match error:
        case aiohttp.SocketTimeoutError() | asyncio.TimeoutError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream did not answer in time.", timed_out=True)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream's TLS certificate was refused.")
        case aiohttp.ClientConnectorDNSError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream's host name does not resolve.")
        case aiohttp.ClientConnectorError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream refused the connection.")
        case aiohttp.ClientPayloadError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream cut its answer short.")
        case aiohttp.InvalidURL() | ValueError():
            return UpstreamError(ErrorKind.NETWORK, "The provider's base URL is not usable.")
        case _:
            return UpstreamError(
                ErrorKind.NETWORK, f"The connection to the upstream broke ({type(error).__name__})."
            )
