"""Messages in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.messages.wire.schema import MessagesBody, TokensBody
from apps.gateway.wire.reference import ATTEMPTED, MESSAGES_ERROR, Operation, Route


class Message(Struct, kw_only=True):
    """`message`, with who answered, by which strategy, and after whom."""

    id: str
    type: str
    role: str
    model: str
    content: list[JSONObject]
    stop_reason: str
    stop_sequence: str | None
    usage: JSONObject
    provider: str = ""
    real_model: str = ""
    strategy_used: str = ""
    fallback_chain: list[str] = []
    latency_ms: int = 0


class Event(Struct, kw_only=True):
    """One event of a stream: its name is its `type`."""

    type: str


class Tokens(Struct, kw_only=True):
    """About how many tokens a request has."""

    input_tokens: int


SENT: Final[JSONObject] = {
    "model": "claude-sonnet-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Hello"}],
}
ANSWERED: Final[dict[str, Any]] = {
    "type": "message",
    "role": "assistant",
    "id": "msg_1",
    "model": "claude-sonnet-5",
    "provider": "groq",
    "real_model": "openai/gpt-oss-120b",
    "strategy_used": "coding",
    "content": [{"type": "text", "text": "Hello!"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 8,
        "output_tokens": 70,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    },
    "fallback_chain": ["groq"],
    "latency_ms": 427,
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/messages"): Operation(
        summary="Chat as Anthropic's Messages API, whole or streamed",
        body=MessagesBody,
        answer=Message,
        events=Event,
        errors=(*ATTEMPTED, 529),
        error=MESSAGES_ERROR,
        sent=SENT,
        example=ANSWERED,
    ),
    ("POST", "/v1/messages/count_tokens"): Operation(
        summary="About how many tokens such a request has; no upstream is asked",
        body=TokensBody,
        answer=Tokens,
        error=MESSAGES_ERROR,
        sent={"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "Hello"}]},
        example={"input_tokens": 6},
    ),
}
