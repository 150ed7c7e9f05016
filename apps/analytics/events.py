"""The usage event: one row per attempt, frozen when the attempt ends, and one for a request that was refused before any. No prompt text,
ever."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Moment = Annotated[float, Meta(ge=0, le=253_370_764_800)]
"""UTC epoch seconds of a year that dates have: 1970 to 9998."""
Outcome = Literal["success", "error", "cancelled", "interrupted", "refused"]
REFUSED: Final = "refused"
"""Of a request that no attempt was made for: it took nothing of any quota."""
UNCHARGED: Final = ("model_gone", "not_in_plan")
"""Kinds of errors after which the provider counts no request."""


class UsageEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upstream call, whatever its end; or a request that ended without any.

    `id` is a UUIDv7 (hex): a replay of the same event is harmless. `at` is UTC epoch seconds of the attempt's start. `outcome`
    "interrupted": the process died during the attempt, found at the next start; its tokens are those that were reserved. `error_kind`
    is an `apps.providers.errors.ErrorKind` value or "".

    `request_uuid` is the request's own id, a UUIDv7 (hex) that the gateway makes; None in events from before there was one. `request_id` is
    what the client was told, its own where it sent one, which may repeat. `is_last`: the request ended with this event. Exactly one event
    of a request has it.

    `outcome` "refused": the gateway refused the request before any attempt. `provider` is "", `model` what was asked for, `error_kind` the
    code of the answer's error. `stands_for`: how many such requests it counts; more than one where there was a flood of them.

    `connect_ms`: from the attempt's begin until its call had a connection, which took reading images and, where none was open, connecting.
    None where it is not known: in events from before it was measured, of attempts that failed before an answer, and of the sandbox.

    Costs are micro-dollars of the tokens in the event, fixed at write time; None where nobody knows the price. `cost_microusd`: what the
    call cost, 0 where it was free. `saved_microusd`: what was not paid because it was free, at the model's list price.
    `charged`: what it took of quota windows that count neither requests nor tokens, by metric.

    Of the spool alone are `is_open`: it has ended, but its request may go on, which decides whether it `is_last`; and `follows`: the id of
    the attempt before it in its request, which is the last no more.
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
    connect_ms: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    fallback_position: int = 1
    cost_microusd: int | None = None
    saved_microusd: int | None = None
    charged: dict[str, int] = {}
    request_uuid: str | None = None
    is_last: bool = False
    stands_for: int = 1
    is_open: bool = False
    follows: str = ""


OF_THE_SPOOL = frozenset({"is_open", "follows"})
"""The fields that have no column."""
