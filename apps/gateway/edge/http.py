"""Requests of the lean handler."""

from collections.abc import Awaitable, Callable
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseBase

from apps.core.aside import SIZE, aside
from apps.core.encodings import encoding_of, not_decoded
from apps.gateway.attempts.calls import RequestIds
from apps.gateway.edge import held_bodies
from apps.gateway.wire import multipart
from apps.gateway.wire.errors import ApiError

T = TypeVar("T")
NOT_YET = RequestIds("", "")
Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientLeftError(Exception):
    """The client closed the connection before its request was complete."""


class LeanRequest(ASGIRequest):
    """Django's request with a body that is read when asked for, so that nobody unauthenticated makes us hold one."""

    def __init__(self, scope: dict[str, Any], receive: Receive) -> None:
        super().__init__(scope, BytesIO())
        self.ids = NOT_YET
        self._receive = receive
        self.complete = False
        self.user_id: int | None = None
        """Whose key it has, once that is known."""
        self._held = 0

    async def read_body(self) -> bytes:
        """The whole body, which is held until `let_go`. Raises ApiError(415) for a compressed one, ApiError(413) beyond
        FREEAI_MAX_BODY_BYTES, ApiError(429, 503) where too much is held, ClientLeftError."""
        if encoding := encoding_of(self.META):
            raise ApiError(415, not_decoded(encoding), code="unsupported_content_encoding")
        limit = settings.FREEAI_MAX_BODY_BYTES
        declared = self.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        while not self.complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            self._hold(size)
            parts.append(part)
            self.complete = not message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def parsed(self, parse: Callable[[bytes], T]) -> T:
        """What a function makes of the whole body; beside the loop where that is large. Raises as `read_body`, and what `parse` raises."""
        body = await self.read_body()
        SIZE.set(len(body))
        return await aside(self.user_id, partial(parse, body))

    async def joined(self, work: Callable[[], T], reach: int) -> T:
        """What is made of the body and of `reach` bytes that it refers to; beside the loop where those are many. Raises what `work`
        raises."""
        SIZE.set(SIZE.get() + reach)
        return await aside(self.user_id, work)

    async def read_form(self) -> multipart.Form:
        """The whole body as a form. Raises ApiError(400), and as `read_body`."""
        return await self.parsed(partial(multipart.parse, self.META.get("CONTENT_TYPE", "")))

    def let_go(self) -> None:
        """The request is over."""
        if self._held:
            held_bodies.let_go(self.user_id, self._held)
            self._held = 0

    def _hold(self, size: int) -> None:
        """Of the body, so many bytes. Raises ApiError(429, 503)."""
        if size > held_bodies.SMALL_BYTES:
            held_bodies.hold(self.user_id, size - self._held)
            self._held = size

    async def client_left(self) -> None:
        """Returns when the client closes the connection. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


Handler = Callable[[LeanRequest], Awaitable[HttpResponseBase]]


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The request body is larger than {limit} bytes.", code="request_too_large")
