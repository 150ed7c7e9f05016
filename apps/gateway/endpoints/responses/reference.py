"""Responses in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.kept import MOST, ORDERS, USUAL
from apps.gateway.endpoints.responses.wire.schema import InputTokensBody, ResponsesBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class Response(Struct, kw_only=True):
    """`response`, with who answered, by which strategy, and after whom; and what it repeats of the request."""

    id: str
    object: str
    created_at: int
    status: str
    error: JSONObject | None
    incomplete_details: JSONObject | None
    model: str
    output: list[JSONObject]
    parallel_tool_calls: bool
    tool_choice: str | JSONObject
    tools: list[JSONObject]
    store: bool
    usage: JSONObject | None
    provider: str = ""
    real_model: str = ""
    strategy_used: str = ""
    fallback_chain: list[str] = []
    latency_ms: int = 0


class ResponseEvent(Struct, kw_only=True):
    """One event of a stream: its name is its `type`."""

    type: str
    sequence_number: int


class InputTokens(Struct, kw_only=True):
    """About how many tokens a request has."""

    object: str
    input_tokens: int


class Deleted(Struct, kw_only=True):
    """An answer that is kept no more."""

    id: str
    object: str
    deleted: bool


class Items(Struct, kw_only=True):
    """A page of what an answer was asked with."""

    object: str
    data: list[JSONObject]
    first_id: str
    last_id: str
    has_more: bool


ANSWERED: Final[dict[str, Any]] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1795756219,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "freeai-auto",
    "provider": "groq",
    "real_model": "openai/gpt-oss-120b",
    "strategy_used": "auto",
    "output": [
        {
            "type": "message",
            "id": "msg_1_0",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello!", "annotations": [], "logprobs": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "store": True,
    "usage": {
        "input_tokens": 8,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 70,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 78,
    },
    "fallback_chain": ["groq"],
    "latency_ms": 427,
}
LIMIT: Final[JSONObject] = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
ORDER: Final[JSONObject] = {"type": "string", "enum": list(ORDERS), "default": "desc"}
ONE: Final = "/v1/responses/{response_id}"
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/responses"): Operation(
        summary="Chat as OpenAI's Responses API, whole or streamed",
        body=ResponsesBody,
        answer=Response,
        events=ResponseEvent,
        errors=ATTEMPTED,
        sent={"model": "freeai-auto", "input": "Hello"},
        example=ANSWERED,
    ),
    ("POST", "/v1/responses/input_tokens"): Operation(
        summary="About how many tokens such a request has; no upstream is asked",
        body=InputTokensBody,
        answer=InputTokens,
        errors=(429,),
        sent={"model": "freeai-auto", "input": "Hello"},
        example={"object": "response.input_tokens", "input_tokens": 6},
    ),
    ("GET", ONE): Operation(
        summary="An answer of the last hour, for the key that it was given to",
        answer=Response,
        errors=(404, 429),
        query={"include": {"type": "string"}},
        example=ANSWERED,
    ),
    ("DELETE", ONE): Operation(
        summary="Forget it",
        answer=Deleted,
        errors=(404, 429),
        example={"id": "resp_1", "object": "response", "deleted": True},
    ),
    ("POST", f"{ONE}/cancel"): Operation(
        summary="Refused: no answer is made in the background", answer=Response, errors=(404, 429)
    ),
    ("GET", f"{ONE}/input_items"): Operation(
        summary="What it was asked with, page by page",
        answer=Items,
        errors=(404, 429),
        query={"limit": LIMIT, "order": ORDER, "after": {"type": "string"}},
        example={
            "object": "list",
            "data": [{"type": "message", "id": "item_1_0", "role": "user", "content": "Hello"}],
            "first_id": "item_1_0",
            "last_id": "item_1_0",
            "has_more": False,
        },
    ),
}
