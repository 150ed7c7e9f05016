"""A streamed answer from the first content on: relay, usage, the error frame, and one settlement whatever happens.

`ChatEventStream` closes deterministically: the handler awaits `aclose` on every ending. A bare generator would be left to the garbage
collector when a slow client goes away, and its reservation with it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import structlog

from apps.gateway.attempts.counting import true_usage
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.guard import as_upstream_error
from apps.gateway.endpoints.chat.chunks import ChunkStream
from apps.gateway.endpoints.chat.members import closing_members, members
from apps.gateway.endpoints.chat.operation import answers_of
from apps.gateway.endpoints.chat.wire.response import KEEP_ALIVE, FrameWriter
from apps.gateway.wire import errors
from apps.gateway.wire.errors import ApiError
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatRequest, Usage

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


class ChatEventStream:
    """The body of one streamed completion of `chat`.

    `pending` is the attempt loop, under way or done. While it is under way the client gets a comment now and then; fallback goes on
    behind it. `last`: more members of the last data frame.
    """

    def __init__(
        self, chat: ChatRequest, pending: asyncio.Task[Served[ChunkStream]], last: Mapping[str, Any]
    ) -> None:
        self._chat = chat
        self._pending = pending
        self._last = last
        self._writer: FrameWriter | None = None
        self._is_whole = False

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The frames, ready to send."""
        if not self._pending.done():
            yield KEEP_ALIVE
        while not self._pending.done():
            await asyncio.wait([self._pending], timeout=COMMENT_INTERVAL_S)
            if not self._pending.done():
                yield KEEP_ALIVE
        try:
            served = self._pending.result()
        except ApiError as error:
            self._is_whole = True
            yield errors.frame(error)
            return
        except Exception:
            # The status was sent with the first comment: what else would be a 500 is its error frame.
            log.exception("stream.failed")
            self._is_whole = True
            yield errors.frame(errors.own_fault())
            return
        self._writer = FrameWriter(members(served), include_usage=self._chat.include_usage)
        async for part in self._relay(served, self._writer):
            yield part

    async def _relay(self, served: Served[ChunkStream], writer: FrameWriter) -> AsyncGenerator[bytes, None]:
        attempt = served.attempt
        try:
            async for chunks in served.answer:
                if part := writer.frames(chunks):
                    yield part
        except Exception as unsorted:  # noqa: BLE001 - as the loop does up to the first content: data is hostile, the guard logs
            error = as_upstream_error(unsorted, attempt.offer)
            await attempt.fail(error, self._usage(served, writer))
            self._is_whole = True
            yield errors.frame(_broken(error, served))
            return
        usage = self._usage(served, writer)
        await attempt.succeed(usage)
        if served.answer.skipped:
            offer = attempt.offer
            log.warning(
                "stream.frames_skipped",
                provider=offer.provider,
                model=offer.model,
                frames=served.answer.skipped,
            )
        end = writer.end(usage, {**closing_members(served), **self._last})
        self._is_whole = True
        yield end

    def _usage(self, served: Served[ChunkStream], writer: FrameWriter) -> Usage:
        return true_usage(served.attempt, writer.usage, writer.characters, answers=answers_of(self._chat))

    def last_words(self) -> bytes:
        """What ends the body when the gateway stops in the middle of it; b"" for one that is complete."""
        return b"" if self._is_whole else errors.frame(errors.stopping())

    async def aclose(self) -> None:
        """Stop the attempt loop or the relay; what was not settled is recorded as cancelled with the tokens seen so far."""
        if not self._pending.done():
            self._pending.cancel()
            await asyncio.wait([self._pending])
        if self._pending.cancelled() or self._pending.exception() is not None:
            return
        served = self._pending.result()
        served.answer.close()
        if not served.attempt.ended:
            served.attempt.cancel(self._usage(served, self._writer) if self._writer else None)


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
