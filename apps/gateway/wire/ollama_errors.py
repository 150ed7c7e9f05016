"""Errors of Ollama's API: `{"error": "text"}`, and the status. Its clients print the text, and read nothing else.

Seen with ollama 0.6.3 for Python and 0.6.4 for JavaScript, 2026-11.
"""

from typing import Final

from apps.core.json_types import JSONObject
from apps.gateway.wire.errors import ApiError, words_in_stream

PATH: Final = "/ollama"


def is_meant(path: str, meta: dict[str, str]) -> bool:
    """Whether who asks reads Ollama's shapes: by the path."""
    return path == PATH or path.startswith(f"{PATH}/")


def status_of(error: ApiError) -> int:
    """The status of the answer."""
    return error.status


def body_of(error: ApiError, request_id: str) -> JSONObject:
    """The JSON object of the answer."""
    return {"error": error.message}


def in_stream(error: ApiError) -> JSONObject:
    """The same inside of a stream that has begun, which ends with it."""
    return {"error": words_in_stream(error, error.message)}
