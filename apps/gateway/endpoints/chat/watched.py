"""A chat request of somebody who watches it: the frames of `/v1`, and between them each step of its attempts as it happens.

It takes the same loop, quota and ledger as any other. What stands between the frames has an event name, so that a client that knows none
sees the frames alone: `request` (a `traffic.seen.Seen`), `head` (status and headers of the answer on `/v1`), `whole` (an answer in one
piece).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

import msgspec
import orjson

from apps.analytics.events import UsageEvent
from apps.clients.limits import NO_LIMITS
from apps.gateway.answering.operation import ChatStreamed, ChatWhole, WholeAnswer
from apps.gateway.answering.stream import COMMENT_INTERVAL_S, ChatEventStream
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
from apps.gateway.edge.answers import EventStream, answer_headers
from apps.gateway.endpoints.chat.form import ChatForm
from apps.gateway.endpoints.chat.members import closing_members, members
from apps.gateway.endpoints.chat.wire import response as chat_response
from apps.gateway.runtime import Runtime
from apps.gateway.traffic.feed import Step
from apps.gateway.traffic.seen import Gathering, Seen
from apps.gateway.wire import errors
from apps.gateway.wire.errors import ApiError
from apps.gateway.wire.events import COMMENT
from apps.providers.types import ChatRequest

SAME_WORDS: Final = b""


class Watched:
    """One request under way. `parts` runs it; `aclose` ends it, whatever happened."""

    def __init__(self, gateway: Runtime, call: Call[ChatRequest]) -> None:
        self._gateway = gateway
        self._call = call
        self._gathering = Gathering()
        self._latest: Seen | None = None
        self._news = asyncio.Event()
        self._stream: EventStream | None = None

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The frames, ready to send."""
        call, gateway = self._call, self._gateway
        gateway.feed.add(self._note)
        operation, pending, self._stream = _start(gateway, call)
        async for part in self._steps_until(pending):
            yield part
        yield self._told()
        yield _head(pending, operation, call.ids.told)
        async for part in self._stream.parts():
            yield part
            yield self._told()
        yield self._told()

    async def _steps_until(self, pending: "asyncio.Task[Any]") -> AsyncGenerator[bytes, None]:
        while not pending.done():
            news = asyncio.create_task(self._news.wait())
            try:
                await asyncio.wait(
                    [pending, news], timeout=COMMENT_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                news.cancel()
            yield self._told() or COMMENT

    async def aclose(self) -> None:
        """Stop the attempt loop or the relay, and listening."""
        self._gateway.feed.remove(self._note)
        if self._stream is not None:
            await self._stream.aclose()

    def _note(self, step: Step, event: UsageEvent) -> None:
        if event.request_uuid == self._call.ids.own:
            self._latest = self._gathering.take(step, event)
            self._news.set()

    def _told(self) -> bytes:
        """The request as it is now, b"" where nothing has changed."""
        if not self._news.is_set():
            return SAME_WORDS
        self._news.clear()
        return named("request", msgspec.to_builtins(self._latest))


def _head(pending: "asyncio.Task[Any]", operation: Any, told: str) -> bytes:
    """The status and headers that the answer has on `/v1`, from a task that is done."""
    failure = pending.exception()
    if failure is None:
        headers = answer_headers(pending.result(), operation, NO_LIMITS)
        return named("head", {"status": 200, "headers": {**headers, "x-request-id": told}})
    if isinstance(failure, ApiError):
        return named("head", {"status": failure.status, "headers": {**failure.headers, "x-request-id": told}})
    return b""


def _start(
    gateway: Runtime, call: Call[ChatRequest]
) -> tuple[ChatStreamed | ChatWhole, "asyncio.Task[Any]", EventStream]:
    """The attempt loop, under way."""
    if call.demand.stream:
        streamed = ChatStreamed(call.demand, gateway.images)
        pending = asyncio.create_task(dispatch.run(gateway, call, streamed))
        return streamed, pending, ChatEventStream(call, pending, ChatForm(call.demand, {}))
    whole = ChatWhole(call.demand, gateway.images)
    answer = asyncio.create_task(dispatch.run(gateway, call, whole))
    return whole, answer, _Whole(answer)


class _Whole:
    """An answer in one piece, in the form of a stream's."""

    def __init__(self, pending: "asyncio.Task[Served[WholeAnswer]]") -> None:
        self._pending = pending

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The answer, or its error. Only behind the end of the task."""
        try:
            served = self._pending.result()
        except ApiError as error:
            yield errors.frame(error)
            return
        own = members(served) | {"strategy_used": served.attempt.call.plan.name} | closing_members(served)
        body = chat_response.whole(served.answer.result, served.answer.usage, own)
        yield b"event: whole\ndata: " + body + b"\n\n"

    def last_words(self) -> bytes:
        """Nothing was begun."""
        return b""

    async def aclose(self) -> None:
        """Give it up."""
        if not self._pending.done():
            self._pending.cancel()
            await asyncio.wait([self._pending])


def named(event: str, data: object) -> bytes:
    """A frame of a name of its own."""
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
