"""Bodies of the Django side, bounded before Django stores them: it reads a whole body, into a temporary file if it is large, before any
view asks who sends it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from django.conf import settings

from apps.core import security_headers

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

TOO_LARGE: Final = 413


class TooLargeError(Exception):
    """More came than was declared, or than may come."""


def bounded(application: Application) -> Application:
    """The application, with 413 for requests of more than FREEAI_MAX_SITE_BODY_BYTES: by what they declare, else by what comes."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        limit: int = settings.FREEAI_MAX_SITE_BODY_BYTES
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise TooLargeError
            return message

        if _declared(scope) > limit:
            await _refuse(send, limit)
            return
        try:
            await application(scope, counted, send)
        except TooLargeError:
            await _refuse(send, limit)

    return serve


def _declared(scope: Message) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


async def _refuse(send: Send, limit: int) -> None:
    body = orjson.dumps({"detail": f"The request body is larger than {limit} bytes."})
    headers = [
        *security_headers.OF_API,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": TOO_LARGE, "headers": headers})
    await send({"type": "http.response.body", "body": body})
