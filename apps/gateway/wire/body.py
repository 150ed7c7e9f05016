"""The JSON body of a request: decoded once, its known fields checked against a schema."""

import re
import threading
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec
import orjson
from django.conf import settings

from apps.core.json_bounds import MAX_DEPTH, holds_more_values, is_too_deep
from apps.core.json_types import JSONObject
from apps.gateway.wire.errors import ApiError, bad_request

Body = TypeVar("Body")
LARGE_BYTES: Final = 64 * 1024
"""From here on counting what opens costs more than looking at so few values."""
_READY: set[Any] = set()
_MAKING_READY: Final = threading.Lock()
WHERE = re.compile(r"^(?P<what>.*) - at `(?:key in )?\$\.?(?P<path>[^`]*)`$", re.DOTALL)


def decode(body: bytes, tokens: int = 0) -> JSONObject:
    """The JSON object of a request. Raises ApiError(400) on anything else, absurd nesting included, and ApiError(413) for one with more
    values than FREEAI_MAX_JSON_VALUES and as many `tokens` as an endpoint takes beside."""
    most = settings.FREEAI_MAX_JSON_VALUES + tokens
    if holds_more_values(body, most):
        raise ApiError(413, f"The request body holds more than {most} JSON values.", code="request_too_large")
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"The request body is not valid JSON: {error}") from None
    if not isinstance(raw, dict):
        raise bad_request("The request body must be a JSON object.")
    if (len(body) > LARGE_BYTES or body.count(b"{") + body.count(b"[") > MAX_DEPTH) and is_too_deep(raw):
        raise bad_request(f"The request body is nested deeper than {MAX_DEPTH} levels.")
    return raw


def validate(raw: JSONObject, schema: type[Body], at: str = "") -> Body:
    """The known fields of a request, or of what of it is at the path `at`. Raises ApiError(400) that names the first wrong one by its
    path."""
    if schema not in _READY:
        _make_ready(schema)
    try:
        return msgspec.convert(raw, schema)
    except msgspec.ValidationError as error:
        found = WHERE.match(str(error))
        what, path = (found["what"], found["path"]) if found else (str(error), "")
        if missing := re.match(r"Object missing required field `(\w+)`$", what):
            path = f"{path}.{missing[1]}" if path else missing[1]
        path = f"{at}.{path}".rstrip(".") if at else path
        where = f"`{path}`: " if path else ""
        raise bad_request(f"{where}{what}.", param=path.replace("[...]", "") or None) from None


def _make_ready(schema: Any) -> None:
    """msgspec looks at a class and at all that it holds when it first meets one; two threads that do so at once crash the process."""
    with _MAKING_READY:
        with suppress(msgspec.ValidationError):
            msgspec.convert({}, schema)
        _READY.add(schema)
