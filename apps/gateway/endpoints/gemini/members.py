"""FreeAI's own members of an answer, whole or streamed, beside its id and model."""

from typing import Any

from apps.core.json_types import JSONObject
from apps.gateway.attempts.dispatch import Served


def members(served: Served[Any], model: str) -> JSONObject:
    """Those that are known at the beginning. `model`: as the client named it."""
    attempt = served.attempt
    return {
        "modelVersion": model or attempt.call.plan.virtual_model or attempt.offer.model,
        "responseId": attempt.event.id,
        "provider": attempt.offer.provider,
        "real_model": attempt.offer.model,
        "strategy_used": attempt.call.plan.name,
    }


def closing_members(served: Served[Any]) -> JSONObject:
    """Those that are known at the end: of whole answers and the last frame."""
    return {"fallback_chain": served.chain, "latency_ms": served.attempt.call.elapsed_ms()}
