"""An attempt from its reservation to its one settlement: quota, breaker, averages, metrics, usage event.

Every ending (answer, error, cancellation, a client that left) goes through `succeed`, `fail` or `cancel`; the first of them counts, the
others do nothing. The usage event is in the spool before the answer ends; an attempt whose process dies stays there as "interrupted".
"""

import asyncio

import structlog
from msgspec import Struct
from msgspec.structs import replace

from apps.analytics import metrics
from apps.analytics.events import Outcome, UsageEvent
from apps.core import clock
from apps.core.state.contract import Amounts, Claim, Completion, Grant, Refusal
from apps.gateway.attempts.calls import Call
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.providers.errors import POLICY, ErrorKind, UpstreamError
from apps.providers.estimates import answer_tokens
from apps.providers.health import blocks_after
from apps.providers.quotas import amounts
from apps.providers.tasks import Demand
from apps.providers.types import Offer, Usage

log = structlog.get_logger("freeai.gateway")


class Place(Struct, frozen=True):
    """Where an upstream call stands in its request: `position` is 1-based in the chain of candidates, `prompt_tokens` about what the
    call sends of the prompt."""

    position: int
    prompt_tokens: int


async def reserve(runtime: Runtime, claim: Claim) -> Grant | Refusal:
    """Take quota for one attempt. A caller that is cancelled meanwhile keeps nothing: what it may have been granted goes back."""
    now = clock.now()
    try:
        return await runtime.store.acquire(claim, now)
    except asyncio.CancelledError:
        nothing = Completion(health="neutral", spent=dict.fromkeys(claim.amounts, 0))
        runtime.background(runtime.store.complete(Grant(claim, now), nothing, CONFIG.value.breaker, now))
        raise


class Attempt:
    """One upstream call. `sent`: it may have reached the upstream; until then its end gives request and tokens back. `status`: that of the
    upstream's answer, None while there is none."""

    __slots__ = (
        "_runtime",
        "call",
        "ended",
        "event",
        "grant",
        "offer",
        "sent",
        "started",
        "status",
        "ttfb_ms",
    )

    def __init__(
        self, runtime: Runtime, call: Call[Demand], offer: Offer, grant: Grant, place: Place
    ) -> None:
        self._runtime = runtime
        self.call = call
        self.offer = offer
        self.grant = grant
        self.started = clock.monotonic()
        self.ttfb_ms: float | None = None
        self.ended = False
        self.sent = False
        self.status: int | None = None
        self.event = UsageEvent(
            id=grant.claim.id,
            at=clock.now(),
            request_id=call.request_id,
            user_id=call.principal.user_id,
            client_id=call.principal.client_id,
            provider=offer.provider,
            model=offer.model,
            strategy=call.plan.name,
            virtual_model=call.plan.virtual_model,
            endpoint=call.endpoint,
            stream=call.demand.stream,
            outcome="interrupted",
            prompt_tokens=place.prompt_tokens,
            # If this process dies now, what was reserved stays charged: nobody knows what was spent of it.
            completion_tokens=max(0, grant.claim.amounts.get("tokens", 0) - place.prompt_tokens),
            estimated=True,
            fallback_position=place.position,
        )
        runtime.spool.begin(self.event)

    def elapsed_ms(self) -> float:
        """Milliseconds since the attempt began."""
        return (clock.monotonic() - self.started) * 1000

    def first_byte(self) -> None:
        """The first content of a stream is here."""
        if self.ttfb_ms is None:
            self.ttfb_ms = self.elapsed_ms()

    def estimate(self, characters: int) -> Usage:
        """Usage where the upstream sent none."""
        return Usage(self.event.prompt_tokens, answer_tokens(characters), estimated=True)

    async def succeed(self, usage: Usage) -> None:
        """The upstream answered in full."""
        if not self._end("success", usage):
            return
        latency = self.event.latency_ms
        stream = self.call.demand.stream
        await self._complete(
            Completion(
                health="success",
                spent=self._spent(usage),
                latency_ms=None if stream else latency,
                ttfb_ms=self.ttfb_ms if stream else None,
            )
        )

    async def fail(self, error: UpstreamError, usage: Usage | None = None) -> float:
        """The upstream refused, broke or sent nonsense; `usage` is what it may have charged all the same.

        Returns until when that closes the candidate, UTC epoch seconds; 0.0 if it does not.
        """
        policy = POLICY[error.kind]
        charged = usage or (self.estimate(0) if policy.charges == "all" and self.sent else Usage(0, 0))
        if not self._end("error", charged, error):
            return 0.0
        blocks = blocks_after(error, self.offer, clock.now())
        for block in blocks:
            if block.reason == "quarantine":
                log.warning(
                    "credential.quarantined",
                    provider=self.offer.provider,
                    user=self.offer.user_id,
                    status=error.status,
                    detail=block.detail,
                )
        spent = self._nothing() if policy.charges == "nothing" and usage is None else self._spent(charged)
        await self._complete(Completion(health=policy.health, spent=spent, blocks=blocks))
        return max((block.until for block in blocks), default=0.0)

    def cancel(self, usage: Usage | None = None) -> None:
        """The client went away, or the gateway stops. Never waits: the store is settled in the background, for the caller is being
        cancelled."""
        spent = usage or (self.estimate(0) if self.sent else Usage(0, 0))
        if self._end("cancelled", spent, STOPPED if self._runtime.stopping else CANCELLED):
            completion = Completion(health="neutral", spent=self._spent(spent))
            self._runtime.background(self._complete(completion))

    def _end(self, outcome: Outcome, usage: Usage, error: UpstreamError | None = None) -> bool:
        """Write the event; False when the attempt has ended before."""
        if self.ended:
            return False
        self.ended = True
        price = self.offer.price
        self.event = replace(
            self.event,
            outcome=outcome,
            error_kind=str(error.kind) if error else "",
            upstream_status=self.status,
            latency_ms=round(self.elapsed_ms(), 3),
            ttfb_ms=None if self.ttfb_ms is None else round(self.ttfb_ms, 3),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            estimated=usage.estimated,
            saved_microusd=price.cost_microusd(usage) if price else 0,
        )
        self._runtime.spool.end(self.event)
        return True

    def _spent(self, usage: Usage) -> Amounts:
        """What the attempt took of the windows; nothing if it never left."""
        return amounts(usage.total_tokens) if self.sent else self._nothing()

    def _nothing(self) -> Amounts:
        return dict.fromkeys(self.grant.claim.amounts, 0)

    async def _complete(self, completion: Completion) -> None:
        """Settle what was reserved; then, with everything safe, count."""
        store, policy, now = self._runtime.store, CONFIG.value.breaker, clock.now()
        try:
            await self._runtime.see_through(lambda: store.complete(self.grant, completion, policy, now))
        finally:
            metrics.attempt_ended(self.event)


CANCELLED = UpstreamError(ErrorKind.CANCELLED, "The client went away.")
STOPPED = UpstreamError(ErrorKind.SHUTDOWN, "The gateway was stopped.")
