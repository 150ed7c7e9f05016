"""FreeAI's own members of an answer, whole or streamed, beside its model and time."""

from typing import Any

from apps.core import clock
from apps.core.json_types import JSONObject
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.ollama.wire.response import created


def members(served: Served[Any], model: str) -> JSONObject:
    """Those that are known at the beginning. `model`: as the client named it."""
    attempt = served.attempt
    return {
        "model": model or attempt.call.plan.virtual_model or attempt.offer.model,
        "created_at": created(clock.now()),
        "provider": attempt.offer.provider,
        "real_model": attempt.offer.model,
        "strategy_used": attempt.call.plan.name,
    }


def closing_members(served: Served[Any]) -> JSONObject:
    """Those that are known at the end: of whole answers and the last line."""
    return {"fallback_chain": served.chain, "latency_ms": served.attempt.call.elapsed_ms()}
