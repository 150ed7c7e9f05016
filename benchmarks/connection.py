"""One keep-alive client connection: a raw Protocol around httptools' response parser."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

import httptools

from benchmarks import wire

MAX_ANSWER_S = 30.0


class Answer:
    """One answer, or what came of it. Times are of `perf_counter`; `first_at` is that of the first data frame, 0.0 for none."""

    __slots__ = ("complete", "ended_at", "first_at", "parts", "started_at", "status")

    def __init__(self) -> None:
        self.started_at = perf_counter()
        self.first_at = 0.0
        self.ended_at = 0.0
        self.status = 0
        self.complete = False
        self.parts: list[bytes] = []

    @property
    def latency_s(self) -> float:
        return self.ended_at - self.started_at

    @property
    def first_frame_s(self) -> float:
        return self.first_at - self.started_at

    def fault(self, marker: bytes, *, streamed: bool) -> str:
        """What is wrong with it, "" if nothing: a whole 200 that holds `marker`; a stream ends with [DONE]."""
        body = b"".join(self.parts)
        if self.status != 200:
            return f"status {self.status}: {body[:200].decode(errors='replace')}"
        if not self.complete:
            return "the connection was closed early"
        if streamed and not body.endswith(wire.DONE):
            return "the stream has no [DONE]"
        if marker not in body:
            return f"the body lacks {marker.decode()}"
        return ""

    def frames(self) -> int:
        """Data frames, [DONE] included."""
        return b"".join(self.parts).count(b"data: ")


class Connection(asyncio.Protocol):
    """One request at a time; `done` is called with its answer, also when the connection broke."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._done: Callable[[Connection, Answer], None] = _ignore
        self._transport: asyncio.Transport | None = None

    def send(self, request: bytes, done: "Callable[[Connection, Answer], None]") -> None:
        """Write a request."""
        assert self._transport is not None  # noqa: S101 - made by create_connection
        self._answer, self._done = Answer(), done
        if self._transport.is_closing():
            asyncio.get_running_loop().call_soon(self._finish, self._answer)
        else:
            self._transport.write(request)

    async def fetch(self, request: bytes) -> Answer:
        """The answer to a request. Raises TimeoutError."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def settle(_connection: Connection, answer: Answer) -> None:
            if not future.done():  # it is, after a timeout
                future.set_result(answer)

        self.send(request, settle)
        return await asyncio.wait_for(future, MAX_ANSWER_S)

    def close(self) -> None:
        """Close without calling back."""
        self._answer = None
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses

    def connection_lost(self, _error: Exception | None) -> None:
        if self._answer is not None:
            self._finish(self._answer)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def on_body(self, body: bytes) -> None:
        answer = self._answer
        if answer is None:
            return
        if not answer.first_at and b"data: " in body:
            answer.first_at = perf_counter()
        answer.parts.append(body)

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is not None:
            answer.status = self._parser.get_status_code()
            answer.complete = True
            self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        answer.ended_at = perf_counter()
        self._answer = None
        self._done(self, answer)


def _ignore(_connection: Connection, _answer: Answer) -> None:
    """Before the first request."""


async def connect(host: str, port: int) -> Connection:
    """A new connection. Raises OSError."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return connection
