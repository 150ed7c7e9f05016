"""HTTP/1.1 on the socket: uvicorn's protocol, bounded, and without its way with offers to upgrade.

A client gets FREEAI_HEAD_TIMEOUT_S for a head, FREEAI_BODY_TIMEOUT_S and more for a body (`patience`), FREEAI_SEND_TIMEOUT_S to take what
is sent to it; a head may have FREEAI_MAX_HEAD_BYTES and FREEAI_MAX_HEADERS. What is refused here has no request id and no line in the
ledger: nobody knows yet whose it is.
"""

import asyncio
from enum import Enum, auto
from typing import Final

import httptools
import orjson
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from apps.core import security_headers
from apps.core.json_types import JSONArray
from apps.gateway.edge import patience
from apps.gateway.wire.errors import ApiError

OFFERS = frozenset({b"upgrade", b"http2-settings"})
SOCKETS = b"/ws/"
CLIENT_API = (b"/v1", b"/v2/rerank", b"/rerank")
"""Where WebSockets are; elsewhere an offer of one is ignored like any other."""
LARGEST_READ: Final = 256 * 1024
"""Of the loop: a head may begin in the last bytes of one that is full of the body before."""
SEPARATORS: Final = 4
"""Bytes of a line of a head that are neither name nor value."""


class Phase(Enum):
    """What the client has to send."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class Protocol(HttpToolsProtocol):
    """Answers over HTTP/1.1 whatever a client offers to speak: `Upgrade: h2c` of the JDK and of `curl --http2` (RFC 9110 § 7.8).

    The parser ends a message at the head of a request that offers an upgrade, and what follows, the body, is no longer HTTP to it. So a new
    parser is given the same head without the offer, and then the rest.
    """

    _reads_again = False
    _phase = Phase.HEAD
    _since = 0.0
    """Of the loop: when the phase began, later by each second in which we did not read."""
    _received = 0
    """Bytes of the present body."""
    _discarded = 0
    """Bytes of bodies that nobody wanted."""
    _barren = 0
    """Bytes that were fed to the parser since it last told of anything whole, those in which it did included."""
    _fed = 0
    """Bytes that it is fed now."""
    _got_on = False
    """Whether the parser told of something whole in the bytes that it is fed now."""
    _stuck_since: float | None = None
    """Of the loop: when the client had taken as much of what is sent as one that reads takes; None while nothing waits for it."""
    _untaken = 0
    """Bytes that waited for it at the last look."""
    _refusal: ApiError | None = None
    _most_headers = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See asyncio.Protocol."""
        full = len(self.connections) >= patience.most_connections()
        has_room = not full or patience.make_room(self.connections)  # type: ignore[arg-type]  # all ours
        super().connection_made(transport)
        self._since = self.loop.time()
        if not has_room:
            self._refuse(
                ApiError(503, "Too many connections.", type="api_error", code="too_many_connections")
            )

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._unset_keepalive_if_required()
        self._got_on = False
        self._fed = len(data)
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if self._should_upgrade():
                    self.handle_websocket_upgrade()
                    return
                data = data[offer.args[0] :]
                self._ignore_offer()
            except httptools.HttpParserError:
                self._refuse(self._refusal or ApiError(400, "Invalid HTTP request received."))
                return
            else:
                break
        self._barren = self._fed if self._got_on else self._barren + self._fed
        if self._barren > settings.FREEAI_MAX_HEAD_BYTES + LARGEST_READ:
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        """A head begins; it is known already when it is read again."""
        if self._reads_again:
            return
        super().on_message_begin()
        self._most_headers = settings.FREEAI_MAX_HEADERS
        if self._phase is Phase.NOTHING:
            self._enter(Phase.HEAD)
        self._got_on = True

    def on_url(self, url: bytes) -> None:
        """Of the head."""
        if not self._reads_again:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the head; trailers behind a body mean nothing here, and their number is bounded with the bytes. Raises ApiError as
        `_refuse_large_head`: of the thousands that one read may hold, none more is looked at."""
        if not self._reads_again and self._phase is Phase.HEAD:
            if len(self.headers) >= self._most_headers:
                self._refusal = _too_large()
                raise self._refusal
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request begins, if its head may be as large as it is."""
        if self._reads_again:
            return
        self._refuse_large_head()
        super().on_headers_complete()
        self._enter(Phase.BODY)
        self._received = 0
        self._got_on = True

    def on_body(self, body: bytes) -> None:
        """A part of the body. Of one that nobody reads any more, as much is taken as of one that somebody does."""
        super().on_body(body)
        self._received += len(body)
        self._got_on = True
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > settings.FREEAI_MAX_BODY_BYTES:
                self.transport.close()

    def on_message_complete(self) -> None:
        """The client has said all."""
        super().on_message_complete()
        if not self._reads_again:
            self._phase = Phase.NOTHING
            self._got_on = True

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        self._stuck_since = self.loop.time()
        self._untaken = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        self._stuck_since = None

    # What `patience` asks.
    def overdue(self, now: float) -> bool:
        """See `patience.Connection`."""
        if self._stuck_since is not None:
            return self._has_stopped(now, self._stuck_since)
        if self._phase is Phase.NOTHING:
            return False
        if self._phase is Phase.HEAD:
            return now - self._since > settings.FREEAI_HEAD_TIMEOUT_S
        if self.flow.read_paused:
            self._since += patience.SWEEP_S
        return now - self._since > settings.FREEAI_BODY_TIMEOUT_S + self._received / patience.PACE

    def _has_stopped(self, now: float, stuck_since: float) -> bool:
        """Whether the client reads no more. What it takes gives it time, but none in advance."""
        untaken = self.transport.get_write_buffer_size()
        taken = max(0, self._untaken - untaken)
        self._untaken = untaken
        self._stuck_since = min(now, stuck_since + taken / patience.READING_PACE)
        return now - self._stuck_since > settings.FREEAI_SEND_TIMEOUT_S

    def time_out(self) -> None:
        """See `patience.Connection`."""
        if self._stuck_since is not None:
            self.transport.abort()
        else:
            what = "head" if self._phase is Phase.HEAD else "body"
            self._refuse(
                ApiError(408, f"The {what} of the request did not come in time.", code="request_timeout")
            )

    def silent_since(self) -> float | None:
        """See `patience.Connection`."""
        return None if self._is_answering() else self._since

    def make_room(self) -> None:
        """See `patience.Connection`."""
        self.connections.discard(self)
        self.transport.close()

    def _enter(self, phase: Phase) -> None:
        self._phase, self._since = phase, self.loop.time()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _refuse_large_head(self) -> None:
        """Raises ApiError, which the parser passes on as an error of its own."""
        if self._barren + self._fed <= settings.FREEAI_MAX_HEAD_BYTES:
            return  # the usual case: nothing to add up
        size = len(self.url) + sum(len(name) + len(value) + SEPARATORS for name, value in self.headers)
        if size > settings.FREEAI_MAX_HEAD_BYTES:
            self._refusal = _too_large()
            raise self._refusal

    def _refuse(self, error: ApiError) -> None:
        """Answer, and close. Without words where an answer is under way, inside of which they would stand, or was given before its
        request had ended."""
        if self.transport.is_closing():
            return
        answering, reading = self._is_answering(), self._phase is Phase.BODY
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started or not reading:
                self.transport.abort()
                return
        if answering or not reading:
            self.transport.write(_answer(error, getattr(self, "url", b"")))
        self.transport.close()

    def _should_upgrade(self) -> bool:
        return bool(self.url.startswith(SOCKETS) and super()._should_upgrade())

    def _ignore_offer(self) -> None:
        head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name not in OFFERS:
                kept = _without_upgrade(value) if name == b"connection" else value
                head += [name, b": ", kept, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.cycle.more_body = True
        self._reads_again = True
        try:
            self.parser.feed_data(b"".join([*head, b"\r\n"]))
        finally:
            self._reads_again = False


def _without_upgrade(connection: bytes) -> bytes:
    """The value of a Connection header without what an offer to upgrade lists in it."""
    options: JSONArray = [option.strip() for option in connection.split(b",")]
    return b", ".join(option for option in options if option.lower() not in OFFERS)


def _too_large() -> ApiError:
    most = f"{settings.FREEAI_MAX_HEAD_BYTES} bytes, {settings.FREEAI_MAX_HEADERS} headers"
    return ApiError(
        431, f"The head of the request is too large (at most {most}).", code="request_head_too_large"
    )


def _answer(error: ApiError, url: bytes) -> bytes:
    """A whole answer, in the words of the side that the URL belongs to."""
    body = orjson.dumps(error.body if url.startswith(CLIENT_API) else {"detail": error.message})
    headers = [
        *security_headers.OF_API,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[error.status] + lines + b"\r\n" + body
