"""Requests and answers of the lean handler."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from io import BytesIO
from typing import Any, Protocol

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseBase

from apps.gateway.wire.errors import ApiError

Receive = Callable[[], Awaitable[dict[str, Any]]]


class EventStream(Protocol):
    """A response body that is sent part by part and always closed."""

    def parts(self) -> AsyncGenerator[bytes, None]: ...

    async def aclose(self) -> None: ...


class ClientLeftError(Exception):
    """The client closed the connection before its request was complete."""


class LeanRequest(ASGIRequest):
    """Django's request with a body that is read when asked for, so that nobody unauthenticated makes us hold one."""

    def __init__(self, scope: dict[str, Any], receive: Receive) -> None:
        super().__init__(scope, BytesIO())
        self.id = ""
        self._receive = receive
        self.complete = False

    async def read_body(self) -> bytes:
        """The whole body. Raises ApiError(413) beyond FREEAI_MAX_BODY_BYTES, ClientLeftError."""
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
            parts.append(part)
            self.complete = not message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def client_left(self) -> None:
        """Returns when the client closes the connection. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


Handler = Callable[[LeanRequest], Awaitable[HttpResponseBase]]


class JsonAnswer(HttpResponseBase):
    """A whole JSON answer of the hot path: an HttpResponse without its conversions and header objects, at a fifth of the price.

    Header values must be text; what cannot travel in a header is percent-encoded when sent.
    """

    streaming = False

    def __init__(self, content: bytes, headers: dict[str, str]) -> None:
        # Not HttpResponseBase's __init__: `headers` is a plain dict here, with names in lower case.
        self.status_code = 200
        self.content = content
        self.headers: Any = {"content-type": "application/json", **headers}
        self.closed = False


class EventStreamResponse(HttpResponseBase):
    """A `text/event-stream` answer; `stream` is sent part by part and closed on every ending."""

    streaming = True

    def __init__(self, stream: EventStream, headers: dict[str, str]) -> None:
        super().__init__(
            content_type="text/event-stream; charset=utf-8",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **headers},
        )
        self.stream = stream


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The request body is larger than {limit} bytes.", code="request_too_large")
