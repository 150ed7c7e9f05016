"""Errors on `/v1`, in OpenAI's shape: `{"error": {"message", "type", "param", "code", …}}`.

ApiError               any refusal or failure that a client sees
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from apps.core.json_types import JSONObject

JSON = "application/json"
TOO_MANY, SERVER_ERROR = 429, 500
RESTART_S = 5
TOO_LONG = frozenset({"context_length_exceeded", "token_limit_exceeded"})
LENGTHS = (
    re.compile(r"maximum context length is (?P<most>\d+) tokens.*?about (?P<tokens>\d+) tokens", re.DOTALL),
    re.compile(r"about (?P<tokens>\d+) tokens; this client key may use (?P<most>\d+) "),
)
AGAIN = "Please try again later."
ENDS = ".!?…"


class ApiError(Exception):
    """One answer that is not a success. `extra` holds FreeAI's own members of the error object: provider, kind, attempts."""

    def __init__(  # noqa: PLR0913 - the members of the error object, by name
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @property
    def body(self) -> JSONObject:
        """The JSON object of the answer."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
                **self.extra,
            }
        }


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request itself is wrong; `param` names the field by path."""
    return ApiError(400, message, param=param, code=code)


def unauthorized(message: str) -> ApiError:
    """401: the client key is missing or does not verify."""
    return ApiError(
        401,
        message,
        type="authentication_error",
        code="invalid_api_key",
        headers={"WWW-Authenticate": 'Bearer realm="FreeAI"'},
    )


def own_fault(message: str = "FreeAI could not process the request. The fault is its own.") -> ApiError:
    """500: nothing that the client could change."""
    return ApiError(500, message, type="api_error", code="internal_error")


def stopping() -> ApiError:
    """503: the gateway was told to end."""
    return ApiError(
        503,
        "FreeAI is shutting down.",
        type="api_error",
        code="shutting_down",
        headers={"Retry-After": str(RESTART_S)},
    )


def lengths_of(error: ApiError) -> tuple[str, str] | None:
    """About how many tokens a prompt has that is too long, and how many it may have; None of any other error."""
    if error.code not in TOO_LONG:
        return None
    for lengths in LENGTHS:
        if found := lengths.search(error.message):
            return found["tokens"], found["most"]
    return None


def words_in_stream(error: ApiError, message: str) -> str:
    """What a stream that has begun says of an error. Agents have no status to go by there: some repeat a turn only where the text says that
    it is worth it, so it does where it is."""
    if error.status == TOO_MANY or error.status >= SERVER_ERROR:
        return f"{sentence(message)} {AGAIN}".lstrip()
    return message


def sentence(message: str) -> str:
    """With a mark at its end, so that another one can follow."""
    message = message.rstrip()
    return message if not message or message[-1] in ENDS else f"{message}."


def frame(error: ApiError) -> bytes:
    """The same error inside a stream that has begun, with the end of the stream."""
    body = error.body
    body["error"]["message"] = words_in_stream(error, error.message)
    return b"data: " + orjson.dumps(body) + b"\n\ndata: [DONE]\n\n"
