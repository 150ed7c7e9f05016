"""FreeAI's own members of a response, whole or streamed, with its id, model and time."""

import time
from typing import Any

from apps.core.json_types import JSONObject
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
from apps.providers.types import ChatRequest

PREFIX = "resp_"


def unserved_members(call: Call[ChatRequest], model: str | None) -> JSONObject:
    """Those of an answer that nobody gave. `model`: as the client named it."""
    return {
        "id": f"{PREFIX}{call.ids.own}",
        "created_at": int(time.time()),
        "model": model or call.plan.virtual_model or "",
    }


def members(served: Served[Any], model: str | None) -> JSONObject:
    """Those that are known at the beginning."""
    attempt = served.attempt
    return {
        "id": f"{PREFIX}{attempt.event.id}",
        "created_at": int(time.time()),
        "model": model or attempt.call.plan.virtual_model or attempt.offer.model,
        "provider": attempt.offer.provider,
        "real_model": attempt.offer.model,
        "strategy_used": attempt.call.plan.name,
    }


def closing_members(served: Served[Any]) -> JSONObject:
    """Those that are known at the end."""
    return {"fallback_chain": served.chain, "latency_ms": served.attempt.call.elapsed_ms()}
