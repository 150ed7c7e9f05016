"""Errors of Google's APIs: `{"error": {"code", "message", "status", "details"}}`, the JSON of google.rpc.Status.

Clients go by `code` and `status`; agents read in the details how long to wait (RetryInfo) and which field is wrong (BadRequest). FreeAI's
own members are beside them, and its code is the reason of ErrorInfo. Seen with google-genai 3.6.1 and @google/genai 2.32.0, 2026-11.
"""

import re
from typing import Final

from apps.core.json_types import JSONObject
from apps.gateway.wire.errors import ApiError, lengths_of, words_in_stream

METHODS: Final = (
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
)
OWN: Final = re.compile(r"/v1beta(?!/openai)(?:/.*)?", re.DOTALL)
"""All but the paths of OpenAI's clients, which some bring along from another server."""
SHARED: Final = re.compile(rf"/v1/models/.+:(?:{'|'.join(METHODS)})", re.DOTALL)
LISTS: Final = re.compile(r"/v1/models(?:/.+)?", re.DOTALL)
KEY: Final = "HTTP_X_GOOG_API_KEY"
TYPE: Final = "type.googleapis.com/google.rpc."
DOMAIN: Final = "freeai"
STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}
SERVER_ERROR: Final = 500


def is_path(path: str) -> bool:
    """Whether nobody but Google's clients asks for it."""
    return bool(OWN.fullmatch(path) or SHARED.fullmatch(path))


def is_meant(path: str, meta: dict[str, str]) -> bool:
    """Whether who asks reads Google's shapes: by the path, or for lists of models by the header that nobody else sends."""
    return is_path(path) or (KEY in meta and bool(LISTS.fullmatch(path)))


def status_of(error: ApiError) -> int:
    """The status of the answer."""
    return error.status


def body_of(error: ApiError, request_id: str) -> JSONObject:
    """The JSON object of the answer."""
    return _body(error, _words(error), request_id)


def in_stream(error: ApiError, request_id: str) -> JSONObject:
    """The same inside of a stream that has begun, which ends with it."""
    return _body(error, words_in_stream(error, _words(error)), request_id)


def _body(error: ApiError, message: str, request_id: str) -> JSONObject:
    unknown = "UNAVAILABLE" if error.status >= SERVER_ERROR else "INVALID_ARGUMENT"
    status = STATUSES.get(error.status, unknown)
    details = _details(error, request_id)
    return {
        "error": {
            "code": error.status,
            "message": message,
            "status": status,
            "details": details,
            **error.extra,
        }
    }


def _details(error: ApiError, request_id: str) -> list[JSONObject]:
    details: list[JSONObject] = [{"@type": f"{TYPE}RequestInfo", "requestId": request_id}]
    if error.code is not None:
        details.append({"@type": f"{TYPE}ErrorInfo", "reason": error.code, "domain": DOMAIN})
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{TYPE}BadRequest", "fieldViolations": [violation]})
    if (wait_s := error.headers.get("Retry-After")) is not None:
        details.append({"@type": f"{TYPE}RetryInfo", "retryDelay": f"{wait_s}s"})
    return details


def _words(error: ApiError) -> str:
    found = lengths_of(error)
    if found is None:
        return error.message
    tokens, most = found
    return f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({most})."
