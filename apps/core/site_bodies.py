"""Bodies of the Django side, bounded before Django stores them: it reads a whole body, into a temporary file if it is large, before any
view asks who sends it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from django.conf import settings

from apps.core import security_headers
from apps.core.fair_room import FairRoom

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

TOO_LARGE: Final = 413
UNAVAILABLE: Final = 503
AGAIN_S: Final = b"5"
SMALL_BYTES: Final = 64 * 1024
"""Up to here bodies do not count among those that are held: signing in always finds room."""
MOST_HELD: Final = 20
"""Of the largest, at a time."""
ROOM: FairRoom[str] = FairRoom(lambda: MOST_HELD * settings.FREEAI_MAX_SITE_BODY_BYTES)
"""By the address of the sender."""


class TooLargeError(Exception):
    """More came than was declared, or than may come."""


class TooManyError(Exception):
    """Its sender holds as many bytes as are left for others, under way."""


def bounded(application: Application) -> Application:
    """The application, with 413 for requests of more than FREEAI_MAX_SITE_BODY_BYTES: by what they declare, else by what comes; and 503
    where too much is under way."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        limit: int = settings.FREEAI_MAX_SITE_BODY_BYTES
        size = held = 0
        sender = (scope.get("client") or ("", 0))[0]

        async def counted() -> Message:
            nonlocal size, held
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise TooLargeError
            if size > SMALL_BYTES:
                if not ROOM.take(sender, size - held):
                    raise TooManyError
                held = size
            return message

        if _declared(scope) > limit:
            await _refuse_large(send, limit)
            return
        try:
            await application(scope, counted, send)
        except TooLargeError:
            await _refuse_large(send, limit)
        except TooManyError:
            detail = "Too many large requests are under way."
            await _refuse(send, UNAVAILABLE, detail, (b"retry-after", AGAIN_S))
        finally:
            if held:
                ROOM.give_back(sender, held)

    return serve


def _declared(scope: Message) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


async def _refuse_large(send: Send, limit: int) -> None:
    await _refuse(send, TOO_LARGE, f"The request body is larger than {limit} bytes.")


async def _refuse(send: Send, status: int, detail: str, *more: tuple[bytes, bytes]) -> None:
    body = orjson.dumps({"detail": detail})
    headers = [
        *security_headers.OF_API,
        *more,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
