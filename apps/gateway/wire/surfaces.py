"""Under which paths the client API is served, and in whose shape its errors are told there."""

from typing import Final, Protocol

from apps.core.json_types import JSONObject
from apps.gateway.wire import gemini_errors, messages_errors, ollama_errors
from apps.gateway.wire.errors import ApiError

ROOT: Final = ""
V1: Final = "v1/"
V1BETA: Final = "v1beta/"
OLLAMA: Final = "ollama/"
KEY_HEADERS: Final = ("HTTP_X_API_KEY", gemini_errors.KEY)
"""Where a client key may stand beside `Authorization`, wherever the client API is served."""
PREFIXES: Final = (V1, V1BETA, OLLAMA)
ALIASES: Final = frozenset({"rerank", "v2/rerank"})
"""Where clients look for an endpoint of `/v1` that add no `/v1`, or another number."""


class ErrorShape(Protocol):
    """How a surface tells errors, where that is not as OpenAI's does."""

    def is_meant(self, path: str, meta: dict[str, str]) -> bool:
        """Whether who asks reads this shape."""
        ...

    def status_of(self, error: ApiError) -> int:
        """The status of the answer."""
        ...

    def body_of(self, error: ApiError, request_id: str) -> JSONObject:
        """The JSON object of the answer."""
        ...


SHAPES: Final[tuple[ErrorShape, ...]] = (gemini_errors, ollama_errors, messages_errors)
"""The first one that is meant counts: a path tells more than a header."""


def is_served(path: str) -> bool:
    """Whether a path is one of the client API's."""
    rest = path[1:]
    return rest.startswith(PREFIXES) or f"{rest}/" in PREFIXES or rest in ALIASES


def takes_key_in_query(path: str) -> bool:
    """Whether a key may stand in the URL: only where clients know no better, since URLs are written down in many places."""
    return gemini_errors.is_path(path)


def is_googles(path: str, meta: dict[str, str]) -> bool:
    """Whether who asks reads Google's shapes."""
    return gemini_errors.is_meant(path, meta)


def told(error: ApiError, path: str, meta: dict[str, str], request_id: str) -> tuple[int, JSONObject]:
    """Status and body of the answer that an error is, to who asks for `path`."""
    for shape in SHAPES:
        if shape.is_meant(path, meta):
            return shape.status_of(error), shape.body_of(error, request_id)
    return error.status, error.body
