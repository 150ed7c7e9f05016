"""Answers of the lean handler, and what all of them say of who answered."""

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from django.http import HttpResponseBase

from apps.clients.limits import Allowance
from apps.core.json_types import JSONObject
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.operation import Operation
from apps.gateway.wire.errors import JSON

NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
MAX_NAMED = 32


class EventStream(Protocol):
    """A response body that is sent part by part and always closed. `last_words`: what ends it when the server stops in the middle; b"" if
    nothing needs to be said."""

    def parts(self) -> AsyncGenerator[bytes, None]: ...

    def last_words(self) -> bytes: ...

    async def aclose(self) -> None: ...


class LeanResponse(HttpResponseBase):
    """A whole answer: an HttpResponse without its conversions and header objects, at a fifth of the price.

    Header values must be text; what cannot travel in a header is percent-encoded when sent.
    """

    streaming = False

    def __init__(self, content: bytes, headers: dict[str, str], content_type: str = JSON) -> None:
        # Not HttpResponseBase's __init__: `headers` is a plain dict here, with names in lower case.
        self.status_code = 200
        self.content = content
        self.headers: Any = {"content-type": content_type, **headers}
        self.closed = False


class EventStreamResponse(HttpResponseBase):
    """A streamed answer; `stream` is sent part by part and closed on every ending."""

    streaming = True

    def __init__(self, stream: EventStream, headers: dict[str, str], media_type: str) -> None:
        super().__init__(
            content_type=media_type,
            headers={"X-Accel-Buffering": "no", **headers},
        )
        self.stream = stream


def answer_headers(served: Served[Any], operation: Operation[Any], allowance: Allowance) -> dict[str, str]:
    """Who answered, by which strategy, after how many fallbacks; what did not reach the upstream; what is left of the key's limits."""
    attempt = served.attempt
    return {
        "x-freeai-provider": attempt.offer.provider,
        "x-freeai-model": attempt.offer.model,
        "x-freeai-strategy": attempt.call.plan.name,
        "x-freeai-fallbacks": str(attempt.event.fallback_position - 1),
        **({"x-freeai-waited-ms": str(served.waited_ms)} if served.waited_ms else {}),
        **dropped_header(operation.dropped(attempt.offer)),
        **rate_headers(allowance),
    }


def answer_members(served: Served[Any]) -> JSONObject:
    """FreeAI's own members of the answers of all tasks beside chat, which has more."""
    event = served.attempt.event
    return {"model": event.model, "provider": event.provider, "fallback_position": event.fallback_position}


def dropped_header(names: Sequence[str]) -> dict[str, str]:
    """Which fields of the request did not reach the upstream; "?" for a client's name that no header can hold. None if none."""
    if not names:
        return {}
    return {
        "x-freeai-dropped": ", ".join(name if NAME.fullmatch(name) else "?" for name in names[:MAX_NAMED])
    }
