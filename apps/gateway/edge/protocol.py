"""HTTP/1.1 on the socket: uvicorn's protocol, bounded, without its way with offers to upgrade, and with `/v1` answered by itself (`cycle`).

A client gets FREEAI_HEAD_TIMEOUT_S for a head, FREEAI_BODY_TIMEOUT_S and more for a body (`patience`), FREEAI_SEND_TIMEOUT_S to take what
is sent to it; a head may have FREEAI_MAX_HEAD_BYTES and FREEAI_MAX_HEADERS, and a connection MOST_QUEUED requests that wait for the
present one: then nothing more is read of it (`intake`). What is refused here has no request id and no line in the ledger.
"""

import asyncio
from typing import Any, Final

import httptools
from django.conf import settings
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from apps.core.json_types import JSONArray
from apps.gateway.edge import patience, targets, unheard
from apps.gateway.edge.cycle import Cycle, Serve
from apps.gateway.edge.intake import Flow, Intake
from apps.gateway.edge.timed import Phase, Timed
from apps.gateway.wire.errors import ApiError

OFFERS = frozenset({b"upgrade", b"http2-settings"})
SOCKETS = b"/ws/"
"""Where WebSockets are; elsewhere an offer of one is ignored like any other."""
SERVED = b"/v1/"
"""What is answered here, without the application."""
LARGEST_READ: Final = 256 * 1024
"""Of the loop: a head may begin in the last bytes of one that is full of the body before."""
MOST_QUEUED: Final = 16
SOME_CHUNKS: Final = 1_000
"""Of a body, however small they are."""
LEAST_CHUNK: Final = 64
"""Bytes of a body for each chunk beyond those: parsing one costs as much as copying thousands of bytes."""


class Protocol(Timed):
    """Answers over HTTP/1.1 whatever a client offers to speak: `Upgrade: h2c` of the JDK and of `curl --http2` (RFC 9110 § 7.8).

    The parser ends a message at the head of a request that offers an upgrade, and what follows, the body, is no longer HTTP to it. So a new
    parser is given the same head without the offer, and then the rest.
    """

    _reads_again = False
    _discarded = 0
    """Bytes of bodies that nobody wanted."""
    _barren = 0
    """Bytes that were fed to the parser since it last told of anything whole, those in which it did included."""
    _fed = 0
    """Bytes that it is fed now."""
    _got_on = False
    """Whether the parser told of something whole in the bytes that it is fed now."""
    _chunks = 0
    """Of the present body."""
    _refusal: ApiError | None = None
    _most_headers = 0

    def __init__(self, *positional: Any, serve: Serve | None = None, **named: Any) -> None:
        """`serve` answers `/v1` here; without it the application does, as everything else."""
        super().__init__(*positional, **named)
        self._serve = serve
        self._running: RequestResponseCycle | None = None  # or was last; `cycle` is the one that came last

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See asyncio.Protocol."""
        full = len(self.connections) >= patience.most_connections()
        has_room = not full or patience.make_room(self.connections)  # type: ignore[arg-type]  # all ours
        super().connection_made(transport)
        self.flow = Flow(transport, self._may_read)
        self._intake = Intake()
        self._enter(Phase.HEAD)
        if not has_room:
            self._refuse(
                ApiError(503, "Too many connections.", type="api_error", code="too_many_connections")
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. uvicorn tells the latest request alone, which may only be waiting for its turn."""
        self._tell_running()
        self._intake.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._heard = self.loop.time()
        self._intake.put(data)
        self._go_on()
        if (
            self._answered_early is not None
        ):  # one read a turn: nothing else slows down who sends what nobody wants
            self.flow.pause_reading()
            self.loop.call_soon(self.flow.resume_reading)

    def on_response_complete(self) -> None:
        """A request is answered, and the next one's turn."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self._phase is Phase.BODY and self.cycle.response_complete:
            self._answered_early = self.loop.time()
        self._go_on()
        self.flow.resume_reading()

    def _go_on(self) -> None:
        """Parse what has come, as far as there is room for requests."""
        while self._intake and (room := MOST_QUEUED - len(self.pipeline)) > 0:
            if self.transport.is_closing():
                self._intake.clear()
                return
            self._unset_keepalive_if_required()
            self._feed(self._intake.take(room))
        if self._intake:
            self.flow.pause_reading()

    def _may_read(self) -> bool:
        return not (self._intake or self.transport.is_closing()) and len(self.pipeline) < MOST_QUEUED

    def _feed(self, data: bytes | memoryview) -> None:
        self._got_on = False
        self._fed = len(data)
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if self._should_upgrade():
                    self._intake.clear()
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
            self._refuse(unheard.too_large())

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
                self._refusal = unheard.too_large()
                raise self._refusal
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request begins, if its head may be as large as it is."""
        if self._reads_again:
            return
        self._refuse_large_head()
        try:
            self.url = targets.path_of(self.url)
        except ApiError as refusal:
            self._refusal = refusal
            raise
        if self._serve is not None and self.url.startswith(SERVED):
            self._begin_cycle(self._serve)
        else:
            super().on_headers_complete()
        self._enter(Phase.BODY)
        self._received = self._seen = self._chunks = 0
        self._answered_early = None
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

    def on_chunk_header(self) -> None:
        """A chunk of the body begins. Raises ApiError, as `_refuse_large_head`, for one of too many that are tiny."""
        self._chunks += 1
        if self._chunks > SOME_CHUNKS + self._received // LEAST_CHUNK:
            self._refusal = unheard.tiny_chunks()
            raise self._refusal

    def on_message_complete(self) -> None:
        """The client has said all. Its reader asks for nothing more, so that reading, which a large part of the body paused, would stay
        so, and nobody would notice it leave."""
        super().on_message_complete()
        if not self.pipeline:
            self.flow.resume_reading()
        if not self._reads_again:
            self._phase = Phase.NOTHING
            self._answered_early = None
            self._got_on = True

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

    def _begin_cycle(self, serve: Serve) -> None:
        """As uvicorn begins one, which knows no other kind."""
        before, self.cycle = self.cycle, Cycle.of(self, serve)
        if before is None or before.response_complete:  # type: ignore[redundant-expr]  # None at first
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _tell_running(self) -> None:
        """That nobody is there any more, if it is answered still."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
            if isinstance(self._running, Cycle):
                self._running.leave()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _refuse_large_head(self) -> None:
        """Raises ApiError, which the parser passes on as an error of its own."""
        if self._barren + self._fed <= settings.FREEAI_MAX_HEAD_BYTES:
            return  # the usual case: nothing to add up
        size = unheard.size_of(self.url, self.headers)
        if size > settings.FREEAI_MAX_HEAD_BYTES:
            self._refusal = unheard.too_large()
            raise self._refusal

    def _refuse(self, error: ApiError) -> None:
        """Answer, and close. Without words where an answer is under way, inside of which they would stand, or was given before its
        request had ended."""
        if self.transport.is_closing():
            return
        answering, reading = self._is_answering(), self._phase is Phase.BODY
        if answering:
            self._tell_running()
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.pipeline or self.cycle.response_started or not reading:
                self.transport.abort()
                return
        if answering or not reading:
            self.transport.write(unheard.answer(error, getattr(self, "url", b"")))
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
