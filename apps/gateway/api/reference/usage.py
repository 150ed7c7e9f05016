"""The usage ledger in the OpenAPI document."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.queries import LONGEST, MOST_VALUES
from apps.gateway.api.usage_events import CURSOR, MOST, OUTCOMES, USUAL
from apps.gateway.wire.reference import Operation, Route


class UsageEventRow(Struct, kw_only=True):
    """One attempt, or a request that was refused before any (`outcome` refused, no provider; `stands_for` so many). `is_last`: its request
    ended with it. Costs are null where nobody knows the price."""

    id: UUID
    at: datetime
    request_id: str
    request_uuid: UUID | None
    is_last: bool
    stands_for: int
    user_id: int
    user: str | None
    client: str | None
    client_key_hash: str | None
    provider: str | None
    model: str
    strategy: str | None
    virtual_model: str | None
    endpoint: str
    stream: bool
    outcome: str
    error_kind: str | None
    upstream_status: int | None
    latency_ms: float | None
    ttfb_ms: float | None
    connect_ms: float | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    estimated: bool
    fallback_position: int
    cost_usd: float | None
    saved_usd: float | None
    charged: dict[str, int]


class UsageEventPage(Struct):
    """Newest first. `next` leads to older ones, null on the last page; a page may be short, or empty, before that."""

    events: list[UsageEventRow]
    next: str | None


TEXT: Final[JSONObject] = {"type": "string", "maxLength": LONGEST, "pattern": r"^[^\u0000]*$"}


def several(description: str, items: JSONObject = TEXT) -> JSONObject:
    """The schema of a parameter that may be repeated."""
    return {"type": "array", "description": description, "items": items, "maxItems": MOST_VALUES}


TIME: Final[JSONObject] = {"type": "string", "format": "date-time"}
OF_EVENTS: Final[dict[str, JSONObject]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    "next": {
        "type": "string",
        "pattern": f"^{CURSOR.pattern}$",
        "description": "The `next` of the page before.",
    },
    "from": {**TIME, "description": "From this time on: with a zone, or a date."},
    "to": {**TIME, "description": "Before this time."},
    "user": {**TEXT, "minLength": 1, "description": "Of one user, by name or number."},
    "client": several("Of these client keys, by name or hash."),
    "provider": several("Of these; empty for refusals."),
    "model": several("Whole names."),
    "strategy": several("Names of strategies."),
    "outcome": several("How it ended.", {"type": "string", "enum": list(OUTCOMES)}),
    "error_kind": several("Kinds of errors; of refusals their code."),
    "endpoint": several("chat, embeddings and so on."),
    "request_id": {**TEXT, "minLength": 1, "description": "All attempts of a request."},
}
EVENT: Final[JSONObject] = {
    "id": "019b1f2e-7c00-7000-8000-000000000001",
    "at": "2026-11-27T12:01:00Z",
    "request_id": "req_1",
    "request_uuid": "019b1f2e-7bff-7000-8000-000000000001",
    "is_last": True,
    "stands_for": 1,
    "user_id": 1,
    "user": "ada",
    "client": "my-app",
    "client_key_hash": "0" * 64,
    "provider": "groq",
    "model": "openai/gpt-oss-120b",
    "strategy": "auto",
    "virtual_model": "freeai-auto",
    "endpoint": "chat",
    "stream": True,
    "outcome": "success",
    "error_kind": None,
    "upstream_status": 200,
    "latency_ms": 214.5,
    "ttfb_ms": 80.2,
    "connect_ms": 0.3,
    "prompt_tokens": 12,
    "completion_tokens": 30,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
    "estimated": False,
    "fallback_position": 1,
    "cost_usd": 0.0,
    "saved_usd": 0.0017,
    "charged": {},
}
OPERATIONS: Final[dict[Route, Operation]] = {
    ("GET", "/api/usage-events"): Operation(
        summary="What became of each attempt",
        answer=UsageEventPage,
        flags=("all",),
        query=OF_EVENTS,
        example={"events": [EVENT], "next": None},
    )
}
