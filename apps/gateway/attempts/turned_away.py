"""Requests that were turned away: refused by the gateway itself before any attempt. They have a row in the ledger too (outcome "refused").

The border: a request counts from the moment that it was read and understood, and one that exceeds its key's own limit counts before that.
Nobody's are those without a valid key, and no requests at all are bodies and forms that cannot be understood. A client that leaves before
any attempt was not refused.
"""

import asyncio

from msgspec import Struct

from apps.analytics import metrics
from apps.analytics.events import UsageEvent
from apps.clients.keys import Principal
from apps.core import clock, ids
from apps.core.redaction import scrub
from apps.gateway import runtime
from apps.gateway.attempts.calls import Call, RequestIds
from apps.gateway.wire.errors import ApiError
from apps.providers.tasks import Demand

MOST_NAME, MOST_KIND = 200, 40


class Asked(Struct, frozen=True, kw_only=True):
    """A request before it is planned, or where it ended. `started` is on the event loop's clock (seconds)."""

    ids: RequestIds
    principal: Principal
    endpoint: str
    started: float
    demand: Demand | None = None
    strategy: str = ""
    virtual_model: str = ""


def asked(call: Call[Demand]) -> Asked:
    """What was planned."""
    return Asked(
        ids=call.ids,
        principal=call.principal,
        endpoint=call.endpoint,
        started=call.started,
        demand=call.demand,
        strategy=call.plan.name,
        virtual_model=call.plan.virtual_model,
    )


def note(request: Asked, error: ApiError) -> None:
    """Record that `error` was the answer to a request without any attempt."""
    latency_s = asyncio.get_running_loop().time() - request.started
    kind = _kind(error)
    metrics.turned_away(kind)
    gateway = runtime.current()
    gateway.refusals.add(
        event := UsageEvent(
            id=ids.uuid7(),
            at=clock.now() - latency_s,
            request_id=request.ids.told,
            request_uuid=request.ids.own,
            is_last=True,
            user_id=request.principal.user_id,
            client_id=request.principal.client_id,
            provider="",
            model=_name(request.demand),
            strategy=request.strategy,
            virtual_model=request.virtual_model,
            endpoint=request.endpoint,
            stream=request.demand is not None and request.demand.stream,
            outcome="refused",
            error_kind=kind,
            latency_ms=round(latency_s * 1000, 3),
            cost_microusd=0,
            saved_microusd=0,
        )
    )
    if gateway.feed.listeners:
        gateway.feed.tell("over", event)


def _kind(error: ApiError) -> str:
    """The error's code; of one without, what was wrong."""
    return (error.code or f"invalid_{error.param or 'request'}")[:MOST_KIND]


def _name(demand: Demand | None) -> str:
    """The model as it was asked for, if that can be written down. "" where none was, or the body was not read."""
    asked_for = (demand.model if demand is not None else None) or ""
    return scrub(asked_for[:MOST_NAME]).encode(errors="replace").decode()
