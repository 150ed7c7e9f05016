"""What the OpenAPI document says of a route: types of what goes in and out, from which the schemas are made."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject, JSONValue

OPENAI_ERROR: Final = "ApiError"
MESSAGES_ERROR: Final = "MessagesError"
GOOGLE_ERROR: Final = "GoogleError"
TEXT_ERROR: Final = "TextError"


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path.

    `body`, `answer`: a type that msgspec knows (`list[Row]`), a serializer, or None for none. `errors`: statuses beside those that follow
    from the route. `flags`: query parameters that are true or false; `query`: the schemas of others. `sent`, `example`: of body and
    answer. `formats`: media types of the answer beside JSON. `events`: where it may be streamed, the type of the JSON in each event;
    `end_mark`: whether such a stream ends with one, and with an error as other answers tell it. `is_open`: whether it needs no key.
    `stream_type`: its media type. `form`: the body's JSON Schema where it is a multipart form. `error`: the component of its errors.
    """

    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
    query: Mapping[str, JSONObject] = {}
    paged: bool = False
    sent: JSONValue = None
    example: JSONValue = None
    formats: tuple[str, ...] = ()
    events: Any = None
    stream_type: str = "text/event-stream"
    form: dict[str, Any] | None = None
    error: str = OPENAI_ERROR
    end_mark: bool = False
    is_open: bool = False


Route = tuple[str, str]
"""Method and path, as OpenAPI writes it."""
ATTEMPTED = (403, 404, 422, 429, 502, 504)
"""Statuses of what asks upstreams, beside those of all: an upstream's refusal keeps its own where clients know it."""
