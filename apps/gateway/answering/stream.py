"""A streamed answer from the first content on: relay, usage, the error at its end, and one settlement whatever happens.

`ChatEventStream` closes deterministically: the handler awaits `aclose` on every ending. A bare generator would be left to the garbage
collector when a slow client goes away, and its reservation with it.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import structlog

from apps.clients.limits import Allowance
from apps.gateway import runtime
from apps.gateway.answering.chunks import ChunkStream, OutOfTimeError
from apps.gateway.answering.operation import ChatStreamed, counted
from apps.gateway.answering.reader import Reader
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.attempts.answers import most_text
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.counting import true_usage
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.guard import as_upstream_error, kept
from apps.gateway.edge.answers import EventStreamResponse, answer_headers
from apps.gateway.wire import errors
from apps.gateway.wire.errors import ApiError
from apps.gateway.wire.events import COMMENT, EVENTS
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatChunk, ChatRequest, Usage

log = structlog.get_logger("freeai.gateway")

QUIET_S = 10.0
COMMENT_INTERVAL_S = 15.0
# What another try would meet again. In our own words: those of the upstream may speak of trying again.
FINAL = {
    ErrorKind.CONTENT_FILTERED: ("The content filter stopped the answer.", "content_filter"),
    ErrorKind.CONTEXT_LENGTH: (
        "The answer reached this model's maximum context length.",
        "context_length_exceeded",
    ),
}


class Writer(Protocol):
    """One stream as a surface writes it. `usage`: the last that the upstream gave; `characters`: of the answer so far."""

    usage: Usage | None

    @property
    def characters(self) -> int: ...

    @property
    def alive(self) -> bytes:
        """What shows that the answer goes on where there is nothing to say of it."""
        ...

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The frames of these chunks; b"" when nothing is to be sent yet. Raises UpstreamError where what came cannot be said."""
        ...

    def end(self, usage: Usage) -> bytes:
        """What ends the answer. Raises UpstreamError where it turns out that it cannot be said."""
        ...


class StreamForm(Protocol):
    """How a surface writes a streamed answer: as events, unless it says otherwise."""

    media_type: str = EVENTS

    def waiting(self) -> bytes:
        """What is sent now and then while nobody has answered yet."""
        return COMMENT

    def writer(self, served: Served[ChunkStream]) -> Writer: ...

    def error(self, error: ApiError) -> bytes:
        """The error's frame, behind which nothing comes."""
        ...

    async def left_behind(self) -> None:
        """Until everything is there that a later request may refer to: before the end of a good answer is sent."""
        return


async def stream_answer(
    call: Call[ChatRequest], allowance: Allowance, form: StreamForm, ignored: Sequence[str] = ()
) -> EventStreamResponse:
    """The streamed answer to a call, once there is content; after QUIET_S without it, with what its form says meanwhile. `ignored`: fields
    of the client's request that no upstream gets. Raises ApiError."""
    gateway = runtime.current()
    operation = ChatStreamed(call.demand, gateway.images, ignored)
    pending = asyncio.create_task(dispatch.run(gateway, call, operation))
    stream = ChatEventStream(call, pending, form)
    try:
        await asyncio.wait([pending], timeout=QUIET_S)
        if pending.done():
            headers = answer_headers(pending.result(), operation, allowance)
        else:
            headers = rate_headers(allowance)
        return EventStreamResponse(stream, headers, form.media_type)
    except BaseException:  # nobody will send the stream, so nobody else will close it
        await stream.aclose()
        raise


class ChatEventStream:
    """The body of one streamed completion.

    `pending` is the attempt loop, under way or done. While it is under way the client gets a comment now and then; fallback goes on
    behind it. A client that reads slowly may take its time, but the upstream's call is held open for it until the call's deadline and no
    longer: what it did not take by then is lost to it, and no fault of the provider's.
    """

    def __init__(
        self, call: Call[ChatRequest], pending: asyncio.Task[Served[ChunkStream]], form: StreamForm
    ) -> None:
        self._call = call
        self._pending = pending
        self._form = form
        self._writer: Writer | None = None
        self._is_whole = False
        self._reader = Reader(call.deadline, lambda: self._give_up(stalled=True))

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The frames, ready to send."""
        while not self._pending.done():
            self._reader.gives()
            yield self._form.waiting()
            self._reader.took()
            await asyncio.wait([self._pending], timeout=COMMENT_INTERVAL_S)
        try:
            served = self._pending.result()
        except ApiError as error:
            self._is_whole = True
            yield self._form.error(error)
            return
        except Exception:
            # The status was sent with the first comment: what else would be a 500 is its error frame.
            log.exception("stream.failed")
            self._is_whole = True
            yield self._form.error(errors.own_fault())
            return
        self._writer = self._form.writer(served)
        async for part in self._relay(served, self._writer):
            yield part

    async def _relay(self, served: Served[ChunkStream], writer: Writer) -> AsyncGenerator[bytes, None]:
        attempt, reader, most = served.attempt, self._reader, most_text().size
        now = asyncio.get_running_loop().time
        said_at = now()
        try:
            async for chunks in served.answer:
                part = writer.frames(chunks)
                if writer.characters > most:
                    raise UpstreamError(
                        ErrorKind.PARSING, f"The upstream's answer is longer than {most} characters."
                    )
                if not part and now() > said_at + COMMENT_INTERVAL_S:
                    part = writer.alive  # what comes is not for this client, or not yet
                if part:
                    said_at = reader.gives()
                    yield part
                    reader.took()
                    if attempt.ended:
                        break
            usage = self._usage(served, writer)
            end = b"" if attempt.ended else writer.end(usage)
        except Exception as unsorted:  # noqa: BLE001 - as the loop does up to the first content: data is hostile, the guard logs
            end = self._form.error(await self._failed(unsorted, served, writer))
        else:
            if attempt.ended:
                end = self._form.error(_unread())
            else:
                await self._succeeded(served, usage)
                await self._form.left_behind()
        self._is_whole = True
        yield end

    async def _failed(self, error: Exception, served: Served[ChunkStream], writer: Writer) -> ApiError:
        """Settle a stream that broke, or that its client did not read in time."""
        if isinstance(error, OutOfTimeError) and self._reader.took_most_of_it():
            self._give_up(stalled=True)
            return _unread()
        broken = kept(as_upstream_error(error, served.attempt.offer))
        await served.attempt.fail(broken, self._usage(served, writer))
        return _broken(broken, served)

    async def _succeeded(self, served: Served[ChunkStream], usage: Usage) -> None:
        """Settle a stream that is complete."""
        offer = served.attempt.offer
        await served.attempt.succeed(usage)
        if frames := served.answer.skipped:
            log.warning("stream.frames_skipped", provider=offer.provider, model=offer.model, frames=frames)

    def _usage(self, served: Served[ChunkStream], writer: Writer) -> Usage:
        return true_usage(served.attempt, writer.usage, counted(self._call.demand, writer.characters))

    def last_words(self) -> bytes:
        """What ends the body when the gateway stops in the middle of it; b"" for one that is complete."""
        return b"" if self._is_whole else self._form.error(errors.stopping())

    async def aclose(self) -> None:
        """Stop the attempt loop or the relay; what was not settled is recorded as cancelled with the tokens seen so far."""
        self._reader.close()
        if not self._pending.done():
            self._pending.cancel()
            await asyncio.wait([self._pending])
        self._give_up(stalled=self._reader.is_stalled())

    def _give_up(self, *, stalled: bool) -> None:
        """The upstream's call ends, if there is one, and is settled as the client's."""
        if not self._pending.done() or self._pending.cancelled() or self._pending.exception() is not None:
            return
        served = self._pending.result()
        served.answer.close()
        if not served.attempt.ended:
            usage = self._usage(served, self._writer) if self._writer else None
            served.attempt.cancel(usage, stalled=stalled)


def _unread() -> ApiError:
    """The client did not take the answer while the request's time lasted."""
    return ApiError(408, "The answer was not read in the request's time.", code="request_timeout")


def _broken(error: UpstreamError, served: Served[ChunkStream]) -> ApiError:
    """The stream broke after content had been sent: no other candidate's words may follow."""
    offer = served.attempt.offer
    extra = {"provider": offer.provider, "kind": str(error.kind)}
    if error.kind in FINAL:
        message, code = FINAL[error.kind]
        return ApiError(400, f"{offer.provider}: {message}", code=code, extra=extra)
    return ApiError(
        502,
        f"{offer.provider}: {error.message}",
        type="api_error",
        code="upstream_timeout" if error.timed_out else "upstream_failed",
        extra=extra,
    )
