"""FreeAI's own members of a completion, whole or streamed, with its id, model and time."""

import time
from typing import Any

from apps.core.json_types import JSONObject
from apps.gateway.attempts.dispatch import Served


def members(served: Served[Any]) -> JSONObject:
    """Those that whole answers and all frames have."""
    attempt = served.attempt
    return {
        "id": f"cmpl-{attempt.event.id}",
        "created": int(time.time()),
        "model": attempt.call.plan.virtual_model or attempt.offer.model,
        "provider": attempt.offer.provider,
        "real_model": attempt.offer.model,
    }


def closing_members(served: Served[Any]) -> JSONObject:
    """Those that are known at the end: of whole answers and the last data frame."""
    return {"fallback_chain": served.chain, "latency_ms": served.attempt.call.elapsed_ms()}
