"""Headers that all answers have."""

import re
from collections.abc import Sequence
from typing import Any

from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
from apps.providers.tasks import Demand

NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
MAX_NAMED = 32


def dropped_header(names: Sequence[str]) -> dict[str, str]:
    """Which fields of the request did not reach the upstream; "?" for a client's name that no header can hold. None if none."""
    if not names:
        return {}
    return {
        "x-freeai-dropped": ", ".join(name if NAME.fullmatch(name) else "?" for name in names[:MAX_NAMED])
    }


def answer_headers(call: Call[Demand], served: Served[Any]) -> dict[str, str]:
    """Who answered, by which strategy, after how many fallbacks."""
    offer = served.attempt.offer
    return {
        "x-freeai-provider": offer.provider,
        "x-freeai-model": offer.model,
        "x-freeai-strategy": call.plan.name,
        "x-freeai-fallbacks": str(served.attempt.event.fallback_position - 1),
    }
