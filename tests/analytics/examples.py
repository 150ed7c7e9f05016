"""Usage events, and a journal that stands in for a logger."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from apps.analytics.events import UsageEvent
from apps.analytics.spool import Spool
from apps.core.ids import uuid7

AT = 1_780_000_000.25


def begun(**fields: Any) -> UsageEvent:
    """An attempt under way, with its estimate."""
    defaults: dict[str, Any] = {
        "id": uuid7(),
        "at": AT,
        "request_id": "req_1",
        "user_id": 1,
        "provider": "groq",
        "model": "llama-3.3-70b-versatile",
        "outcome": "interrupted",
        "prompt_tokens": 100,
        "estimated": True,
    }
    return UsageEvent(**defaults | fields)


def ended(event: UsageEvent | None = None, **fields: Any) -> UsageEvent:
    """The end of `event`, or of a new attempt."""
    end: dict[str, Any] = {
        "outcome": "success",
        "latency_ms": 120.5,
        "upstream_status": 200,
        "estimated": False,
    }
    return replace(event or begun(), **end | fields)


def refused(**fields: Any) -> UsageEvent:
    """A request that ended without any attempt."""
    refusal: dict[str, Any] = {
        "provider": "",
        "outcome": "refused",
        "error_kind": "quota_exhausted",
        "prompt_tokens": 0,
        "estimated": False,
        "latency_ms": 1.5,
        "request_uuid": uuid7(),
        "is_last": True,
    }
    return begun(**refusal | fields)


def rotated(spool: Spool) -> Path:
    """The segment that a rotation closes."""
    segment = spool.rotate()
    assert segment is not None
    return segment


class Journal:
    """Collects the names of logged events."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, level: str):
        return lambda name, **fields: self.names.append(name)
