"""Completions in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.completions.wire.schema import CompletionBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class TextChoice(Struct, kw_only=True):
    """One answer, or a piece of one."""

    text: str
    index: int
    logprobs: JSONObject | None
    finish_reason: str | None


class TextCompletion(Struct, kw_only=True):
    """`text_completion`, with who answered, by which strategy, and after whom."""

    id: str
    object: str
    created: int
    model: str
    provider: str
    real_model: str
    strategy_used: str
    fallback_chain: list[str]
    latency_ms: int
    choices: list[TextChoice]
    usage: JSONObject


class TextChunk(Struct, kw_only=True):
    """A frame of a stream. `usage` is there where it was asked for, null in all but the last; the last has the two after it."""

    id: str
    object: str
    created: int
    model: str
    provider: str
    real_model: str
    choices: list[TextChoice]
    usage: JSONObject | None = None
    fallback_chain: list[str] = []
    latency_ms: int = 0


ANSWERED: Final[dict[str, Any]] = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1795756219,
    "model": "codestral-latest",
    "provider": "mistral",
    "real_model": "codestral-latest",
    "strategy_used": "auto",
    "fallback_chain": ["mistral"],
    "latency_ms": 427,
    "choices": [{"text": "return a + b", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 14, "completion_tokens": 5, "total_tokens": 19},
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/completions"): Operation(
        summary="Text that goes on, or code that fills a gap, whole or streamed",
        body=CompletionBody,
        answer=TextCompletion,
        events=TextChunk,
        end_mark=True,
        errors=ATTEMPTED,
        sent={
            "model": "codestral-latest",
            "prompt": "def add(a, b):\n    ",
            "suffix": "\n\nprint(add(1, 2))",
        },
        example=ANSWERED,
    )
}
