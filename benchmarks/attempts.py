"""Usage events as a usual attempt writes them into a spool. Needs no Django."""

from msgspec.structs import replace

from apps.analytics.events import UsageEvent
from apps.analytics.spool import Spool
from apps.core import ids
from benchmarks import wire


def write(spool: Spool, *, at: float, user_id: int, provider: str, request_id: str) -> None:
    """An attempt that began and succeeded; `at` is UTC epoch seconds."""
    event = UsageEvent(
        id=ids.uuid7(),
        at=at,
        request_id=request_id,
        request_uuid=ids.uuid7(),
        is_last=True,
        user_id=user_id,
        provider=provider,
        model=wire.MODEL,
        strategy="auto",
        outcome="interrupted",
        prompt_tokens=119,
        completion_tokens=1024,
        estimated=True,
    )
    spool.begin(event)
    spool.end(
        replace(
            event,
            outcome="success",
            latency_ms=412.0,
            upstream_status=200,
            completion_tokens=32,
            cost_microusd=0,
            saved_microusd=37,
        )
    )
