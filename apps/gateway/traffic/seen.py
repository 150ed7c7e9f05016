"""Requests as somebody watches them: gathered from the steps of their attempts, with no text of anybody in them. Pure."""

from collections import OrderedDict
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from apps.analytics.events import UsageEvent
from apps.gateway.traffic.feed import Step

State = Literal["running", "ok", "failed", "cancelled", "refused"]
ENDS: Final[dict[str, State]] = {"success": "ok", "cancelled": "cancelled", "refused": "refused"}
MOST_OPEN: Final = 2_000
"""Requests under way that are gathered at a time: of more, the oldest are forgotten, and show up again with their next step."""
MOST_HOPS: Final = 40


class Hop(Struct, kw_only=True):
    """One attempt; times in milliseconds, `started_ms` from the request's begin. `outcome` "running" until it ends."""

    provider: str
    model: str
    outcome: str = "running"
    kind: str = ""
    status: int | None = None
    started_ms: int
    connect_ms: float | None = None
    ttfb_ms: float | None = None
    latency_ms: float | None = None


class Seen(Struct, kw_only=True):
    """One request so far. `id` is its own, `told` what the client was told; `at` UTC epoch seconds of its begin."""

    id: str
    told: str
    at: float
    user: int
    client: int | None
    asked: str
    strategy: str
    endpoint: str
    stream: bool
    state: State = "running"
    hops: list[Hop]
    skipped: int = 0
    ttft_ms: float | None = None
    took_ms: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0


class Gathering:
    """The requests that are under way, by their own ids."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[Seen, dict[str, Hop]]] = OrderedDict()

    def take(self, step: Step, event: UsageEvent) -> Seen:
        """The request after this step of one of its attempts."""
        own = event.request_uuid or event.id
        if own not in self._open:
            if len(self._open) >= MOST_OPEN:
                self._open.popitem(last=False)
            self._open[own] = (_begun(own, event), {})
        seen, hops = self._open[own]
        _add(seen, hops, event, step)
        if step in ("ended", "over"):
            seen.tokens_in, seen.tokens_out = event.prompt_tokens, event.completion_tokens
        if step == "over":
            del self._open[own]
            seen.state = ENDS.get(event.outcome, "failed")
            took_ms = round((event.at - seen.at) * 1000 + (event.latency_ms or 0.0), 1)
            seen.took_ms = max(took_ms, seen.ttft_ms or 0.0)  # both are rounded, and by clocks of their own
        return seen


def begun_at(own: str, event: UsageEvent) -> float:
    """UTC epoch seconds: an id of the gateway's tells when it was made, which is when the request came in."""
    return (UUID(hex=own).int >> 80) / 1000 if event.request_uuid else event.at


def _begun(own: str, event: UsageEvent) -> Seen:
    return Seen(
        id=own,
        told=event.request_id,
        at=begun_at(own, event),
        user=event.user_id,
        client=event.client_id,
        asked=event.virtual_model or event.model,
        strategy=event.strategy,
        endpoint=event.endpoint,
        stream=event.stream,
        hops=[],
    )


def _add(seen: Seen, hops: dict[str, Hop], event: UsageEvent, step: Step) -> None:
    """Put the attempt in its place. One that nothing was asked for (a refusal) is none."""
    if not event.provider:
        return
    hop = hops.get(event.id)
    if hop is None:
        if len(seen.hops) >= MOST_HOPS:
            seen.skipped += 1
            return
        started_ms = max(0, round((event.at - seen.at) * 1000))
        hop = hops[event.id] = Hop(provider=event.provider, model=event.model, started_ms=started_ms)
        seen.hops.append(hop)
    hop.ttfb_ms, hop.connect_ms = event.ttfb_ms, event.connect_ms
    if event.ttfb_ms is not None:
        seen.ttft_ms = round(hop.started_ms + event.ttfb_ms, 1)
    if step in ("ended", "over"):
        hop.outcome, hop.kind = event.outcome, event.error_kind
        hop.status, hop.latency_ms = event.upstream_status, event.latency_ms
