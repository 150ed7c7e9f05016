"""Errors on the Messages API, in Anthropic's shape: `{"type": "error", "error": {"type", "message", …}, "request_id"}`.

Clients go by the type and the status, and by some words: who reads "prompt is too long" shortens the conversation. Seen with Claude Code
2.1.197 and anthropic 2.14, 2026-11. FreeAI's own members, `param` and `code` are in the inner object.
"""

from typing import Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.wire.errors import TOO_LONG, ApiError, lengths_of, words_in_stream

PATH: Final = "/v1/messages"
VERSION: Final = "HTTP_ANTHROPIC_VERSION"
TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
OVERLOADED, SERVER_ERROR = 529, 500
NOBODY: Final = frozenset({"upstream_failed", "no_healthy_provider"})
"""All candidates failed, or none can be asked: clients come back for an overload, and for nothing else so patiently."""


def is_meant(path: str, meta: dict[str, str]) -> bool:
    """Whether who asks reads Anthropic's shapes: by the path, or by the header that nobody else sends."""
    return path == PATH or path.startswith(f"{PATH}/") or VERSION in meta


def status_of(error: ApiError) -> int:
    """The status of the answer."""
    return OVERLOADED if error.code in NOBODY else error.status


def type_of(error: ApiError) -> str:
    """Anthropic's word for it."""
    status = status_of(error)
    return TYPES.get(status, "api_error" if status >= SERVER_ERROR else "invalid_request_error")


def body_of(error: ApiError, request_id: str) -> JSONObject:
    """The JSON object of the answer."""
    return _body(error, _words(error), request_id)


def frame(error: ApiError, request_id: str) -> bytes:
    """The same error inside a stream that has begun, which ends with it."""
    body = _body(error, words_in_stream(error, _words(error)), request_id)
    return b"event: error\ndata: " + orjson.dumps(body) + b"\n\n"


def _body(error: ApiError, message: str, request_id: str) -> JSONObject:
    told = {
        name: value for name, value in (("param", error.param), ("code", error.code)) if value is not None
    }
    inner = {**error.extra, **told, "type": type_of(error), "message": message}
    return {"type": "error", "error": inner, "request_id": request_id}


def _words(error: ApiError) -> str:
    if error.code not in TOO_LONG:
        return error.message
    if found := lengths_of(error):
        tokens, most = found
        return f"prompt is too long: {tokens} tokens > {most} maximum"
    return f"prompt is too long: {error.message}"
