"""A streamed answer from the first content on: relay, usage, the error frame, and one settlement whatever happens.

`ChatEventStream` closes deterministically: the handler awaits `aclose` on every ending. A bare generator would be left to the garbage
collector when a slow client goes away, and its reservation with it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.chat.operation import OpenStream
from apps.gateway.endpoints.chat.wire.response import KEEP_ALIVE, FrameWriter
from apps.gateway.wire import errors
from apps.gateway.wire.errors import ApiError
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Usage

QUIET_S = 10.0
COMMENT_INTERVAL_S = 15.0


class ChatEventStream:
    """The body of one streamed chat completion.

    `pending` is the attempt loop, under way or done. While it is under way the client gets a comment now and then; fallback goes on
    behind it. `writer_for` makes the frame writer once the answering candidate is known. `last`: more members of the last data frame.
    """

    def __init__(
        self,
        pending: asyncio.Task[Served[OpenStream]],
        writer_for: Callable[[Served[OpenStream]], FrameWriter],
        deadline: float,
        last: Mapping[str, Any],
    ) -> None:
        self._pending = pending
        self._writer_for = writer_for
        self._deadline = deadline
        self._last = last
        self._writer: FrameWriter | None = None

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
            yield errors.frame(error)
            return
        self._writer = self._writer_for(served)
        async for part in self._relay(served, self._writer):
            yield part

    async def _relay(self, served: Served[OpenStream], writer: FrameWriter) -> AsyncGenerator[bytes, None]:
        opened, attempt = served.answer, served.attempt
        now = asyncio.get_running_loop().time
        try:
            tail = writer.frames(opened.first)
            if not opened.over:
                yield tail
                parser = opened.parser
                async for data in opened.chunks:
                    if part := writer.frames(parser.feed(data)):
                        yield part
                    if parser.done:
                        break
                    if now() > self._deadline:
                        raise UpstreamError(
                            ErrorKind.NETWORK, "The request's time budget is spent.", timed_out=True
                        )
                tail = writer.frames(parser.finish())
        except UpstreamError as error:
            await attempt.fail(error, self._usage(served, writer))
            yield errors.frame(_broken(error, served))
            return
        usage = self._usage(served, writer)
        await attempt.succeed(usage)
        last: dict[str, Any] = {
            "fallback_chain": served.chain,
            "latency_ms": round((now() - attempt.call.started) * 1000),
            **self._last,
        }
        yield tail + writer.end(usage, last)

    @staticmethod
    def _usage(served: Served[OpenStream], writer: FrameWriter) -> Usage:
        return writer.usage or served.attempt.estimate(writer.characters)

    async def aclose(self) -> None:
        """Stop the attempt loop or the relay; what was not settled is recorded as cancelled with the tokens seen so far."""
        if not self._pending.done():
            self._pending.cancel()
            await asyncio.wait([self._pending])
        if self._pending.cancelled() or self._pending.exception() is not None:
            return
        served = self._pending.result()
        served.answer.response.close()
        if not served.attempt.ended:
            served.attempt.cancel(self._usage(served, self._writer) if self._writer else None)


def _broken(error: UpstreamError, served: Served[OpenStream]) -> ApiError:
    """The stream broke after content had been sent: no other candidate's words may follow."""
    offer = served.attempt.offer
    return ApiError(
        502,
        f"{offer.provider}: {error.message}",
        type="api_error",
        code="upstream_timeout" if error.timed_out else "upstream_failed",
        extra={"provider": offer.provider, "kind": str(error.kind)},
    )
