"""Chat completions in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.chat.wire.schema import ChatBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class Completion(Struct, kw_only=True):
    """`chat.completion`, with who answered, by which strategy, and after whom."""

    id: str
    object: str
    created: int
    model: str
    provider: str
    real_model: str
    strategy_used: str
    fallback_chain: list[str]
    latency_ms: int
    choices: list[JSONObject]
    usage: JSONObject


class Chunk(Struct, kw_only=True):
    """`chat.completion.chunk`. `usage` is there where it was asked for, null in all but the last; the last has the two after it."""

    id: str
    object: str
    created: int
    model: str
    provider: str
    real_model: str
    choices: list[JSONObject]
    usage: JSONObject | None = None
    fallback_chain: list[str] = []
    latency_ms: int = 0


SENT: Final[JSONObject] = {
    "model": "freeai-auto",
    "messages": [{"role": "user", "content": "Hello"}],
}
ANSWERED: Final[dict[str, Any]] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1795756219,
    "model": "freeai-auto",
    "provider": "groq",
    "real_model": "openai/gpt-oss-120b",
    "strategy_used": "auto",
    "fallback_chain": ["groq"],
    "latency_ms": 427,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 8, "completion_tokens": 70, "total_tokens": 78},
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/chat/completions"): Operation(
        summary="Chat, whole or streamed",
        body=ChatBody,
        answer=Completion,
        events=Chunk,
        end_mark=True,
        errors=ATTEMPTED,
        sent=SENT,
        example=ANSWERED,
    )
}
