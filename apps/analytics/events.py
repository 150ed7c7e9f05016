"""The usage event: one row per attempt, frozen when the attempt ends. No prompt text, ever."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Moment = Annotated[float, Meta(ge=0, le=253_370_764_800)]
"""UTC epoch seconds of a year that dates have: 1970 to 9998."""
Outcome = Literal["success", "error", "cancelled", "interrupted"]


class UsageEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upstream call, whatever its end.

    `id` is a UUIDv7 (hex): a replay of the same event is harmless. `at` is UTC epoch seconds of the attempt's start. `outcome`
    "interrupted": the process died during the attempt, found at the next start; its tokens are those that were reserved. `error_kind`
    is an `apps.providers.errors.ErrorKind` value or "". Costs are micro-dollars, fixed at write time: `cost_microusd` what the call
    cost, `saved_microusd` what it would have cost at the model's list price.
    """

    id: str
    at: Moment
    request_id: str
    user_id: int
    client_id: int | None = None
    provider: str
    model: str
    strategy: str = ""
    virtual_model: str = ""
    endpoint: str = "chat"
    stream: bool = False
    outcome: Outcome = "success"
    error_kind: str = ""
    upstream_status: int | None = None
    latency_ms: float | None = None
    ttfb_ms: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    fallback_position: int = 1
    cost_microusd: int = 0
    saved_microusd: int = 0
