"""An attempt from its reservation to its one settlement: quota, breaker, averages, metrics, usage event.

Every ending (answer, error, cancellation, a client that left) goes through `succeed`, `fail` or `cancel`; the first of them counts, the
others do nothing. The usage event is in the spool before the answer ends; an attempt whose process dies stays there as "interrupted".
"""

import asyncio
import random

import structlog
from msgspec import Struct
from msgspec.structs import replace

from apps.analytics import metrics
from apps.analytics.events import Outcome, UsageEvent
from apps.core import clock
from apps.core.state.contract import Amounts, Block, Claim, Completion, Grant, Reason, Refusal
from apps.core.state.keys import Metric
from apps.gateway.attempts import named_limits
from apps.gateway.attempts.allowance import own_tokens
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.trail import Trail
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.providers import claims
from apps.providers.costs import costs
from apps.providers.errors import POLICY, Charge, ErrorKind, UpstreamError
from apps.providers.estimates import answer_tokens
from apps.providers.health import blocks_after, windows_refused
from apps.providers.offers import CATALOGUE
from apps.providers.tasks import Demand
from apps.providers.types import Capability, Offer, Usage

log = structlog.get_logger("freeai.gateway")


class Place(Struct, frozen=True):
    """Where an upstream call stands in its request, behind the attempts of `trail`: `position` is 1-based in the chain of candidates,
    `prompt_tokens` about what the call sends of the prompt. `completes`: once it succeeds, no other call follows."""

    trail: Trail
    position: int
    prompt_tokens: int
    completes: bool


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
    """One upstream call. `sent`: bytes that may have reached the upstream; while none have, its end gives request and tokens back.
    `status`: that of the upstream's answer, None while there is none."""

    __slots__ = (
        "_place",
        "_runtime",
        "call",
        "connect_ms",
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
        self._place = place
        self.call = call
        self.offer = offer
        self.grant = grant
        self.started = clock.monotonic()
        self.ttfb_ms: float | None = None
        self.connect_ms: float | None = None
        self.ended = False
        self.sent = 0
        self.status: int | None = None
        # If this process dies now, what was reserved stays charged: nobody knows what was spent of it.
        reserved = Usage(
            place.prompt_tokens,
            max(0, grant.claim.amounts.get("tokens", 0) - place.prompt_tokens),
            estimated=True,
        )
        cost, saved = costs(offer, reserved)
        self.event = UsageEvent(
            id=grant.claim.id,
            at=clock.now(),
            request_id=call.ids.told,
            request_uuid=call.ids.own,
            is_last=True,
            user_id=call.principal.user_id,
            client_id=call.principal.client_id,
            provider=offer.provider,
            model=offer.model,
            strategy=call.plan.name,
            virtual_model=call.plan.virtual_model,
            endpoint=call.endpoint,
            stream=call.demand.stream,
            outcome="interrupted",
            prompt_tokens=reserved.prompt_tokens,
            completion_tokens=reserved.completion_tokens,
            estimated=True,
            fallback_position=place.position,
            cost_microusd=cost,
            saved_microusd=saved,
            charged=claims.untold(offer, grant.claim.amounts, {}) if offer.counts else {},
        )
        place.trail.begin(self.event)

    def elapsed_ms(self) -> float:
        """Milliseconds since the attempt began."""
        return (clock.monotonic() - self.started) * 1000

    def first_byte(self) -> None:
        """The first content of a stream is here."""
        if self.ttfb_ms is None:
            self.ttfb_ms = self.elapsed_ms()
            self._place.trail.speak(self.event, self.ttfb_ms, self.connect_ms)

    def estimate(self, characters: int) -> Usage:
        """Usage where the upstream sent none."""
        return Usage(self.event.prompt_tokens, answer_tokens(characters), estimated=True)

    async def succeed(self, usage: Usage, audio_seconds: int | None = None) -> None:
        """The upstream answered in full; `audio_seconds`: how long the recording was that it heard."""
        spent = self._taken(usage, audio_seconds)
        if not self._end("success", usage, spent):
            return
        self._runtime.answered(self.offer)
        self._note_lengths(usage)
        latency = self.event.latency_ms
        stream = self.call.demand.stream
        await self._complete(
            Completion(
                health="success",
                spent=spent,
                latency_ms=None if stream else latency,
                ttfb_ms=self.ttfb_ms if stream else None,
            )
        )

    async def fail(self, error: UpstreamError, usage: Usage | None = None) -> Block | None:
        """The upstream refused, broke or sent nonsense; `usage` is what it may have charged all the same.

        Returns what closes the candidate for it, the longest of several.
        """
        policy = POLICY[error.kind]
        charged = usage or (self.estimate(0) if policy.charges == "all" and self.sent else Usage(0, 0))
        spent = self._spent_by_failure(policy.charges, charged, is_known=usage is not None)
        if usage is None and self.sent and error.timed_out:
            spent = self._taken_at_most(charged)
        if not self._end("error", charged, spent, error):
            return None
        blocks = self._closes(error)
        refused = windows_refused(error, self.offer)
        completion = Completion(
            health=policy.health,
            spent=spent,
            blocks=blocks,
            refused=refused,
            named=error.window is not None,
            told=error.told[0].limit if len(error.told) == 1 else 0,
        )
        await self._complete(completion)
        if error.told:
            await named_limits.keep(self._runtime.store, self.offer, error.told)
        return max(blocks, key=lambda block: block.until, default=None)

    def cancel(self, usage: Usage | None = None, *, stalled: bool = False) -> None:
        """The client went away, or did not read (`stalled`), or the gateway stops. Never waits: the store is settled in the background, for
        the caller is being cancelled."""
        charged = usage or (self.estimate(0) if self.sent else Usage(0, 0))
        is_lost = usage is None and self.sent
        spent = self._taken_at_most(charged) if is_lost else self._spent(charged)
        error = STOPPED if self._runtime.stopping else STALLED if stalled else CANCELLED
        if self._end("cancelled", charged, spent, error):
            completion = Completion(health="neutral", spent=spent)
            self._runtime.background(self._complete(completion))

    def _note_lengths(self, usage: Usage) -> None:
        """What the next claim expects. Of what is not text the estimate says too little to be compared."""
        lengths, candidate, demand = self._runtime.lengths, self.offer.subject.candidate, self.call.demand
        client, spoken = self.call.principal.client_id, usage.completion_tokens
        held = self.grant.claim.amounts["tokens"] - self._place.prompt_tokens
        is_cut = claims.is_cut(self.offer, spoken, cap=demand.max_tokens, held=held)
        lengths.note_answer(candidate, client, spoken, is_cut=is_cut)
        if not usage.estimated and not demand.needs & NO_TEXT:
            lengths.note_prompt(candidate, self._place.prompt_tokens, usage.prompt_tokens)

    def _closes(self, error: UpstreamError) -> tuple[Block, ...]:
        """What the failure closes, by itself and after others; what a person has to mend is in the log."""
        offer, now = self.offer, clock.now()
        proved = self._runtime.streaks.failed(
            error,
            offer,
            tries=self.grant.tries,
            models=lambda: CATALOGUE.value.models_of(offer.user_id, offer.provider, offer.task),
            now=now,
        )
        jitter_s = random.uniform(*JITTER_S)  # noqa: S311 - spreads load, guards nothing
        blocks = (*blocks_after(error, offer, now, jitter_s=jitter_s), *proved)
        for block in blocks:
            if event := LOGGED.get(block.reason):
                log.warning(
                    event,
                    provider=offer.provider,
                    user=offer.user_id,
                    status=error.status,
                    reason=block.reason,
                    detail=block.detail,
                )
        return blocks

    def _end(
        self, outcome: Outcome, usage: Usage, spent: Amounts, error: UpstreamError | None = None
    ) -> bool:
        """Write the event; False when the attempt has ended before."""
        if self.ended:
            return False
        self.ended = True
        cost, saved = costs(self.offer, usage)
        self.event = replace(
            self.event,
            outcome=outcome,
            error_kind=str(error.kind) if error else "",
            upstream_status=self.status,
            latency_ms=round(self.elapsed_ms(), 3),
            ttfb_ms=None if self.ttfb_ms is None else round(self.ttfb_ms, 3),
            connect_ms=None if self.connect_ms is None else round(self.connect_ms, 3),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            estimated=usage.estimated,
            cost_microusd=cost,
            saved_microusd=saved,
            charged=claims.untold(self.offer, self.grant.claim.amounts, spent) if self.offer.counts else {},
        )
        self._place.trail.end(
            self.event, is_final=outcome == "cancelled" or (outcome == "success" and self._place.completes)
        )
        return True

    def _spent(self, usage: Usage) -> Amounts:
        """What the attempt took of the windows; nothing if it never left."""
        return self._taken(usage) if self.sent else self._nothing()

    def _taken(self, usage: Usage, audio_seconds: int | None = None) -> Amounts:
        spent, own = claims.spent(self.offer, usage, audio_seconds), own_tokens(self.grant.claim, usage)
        return {**spent, **own} if own else spent

    def _taken_at_most(self, usage: Usage) -> Amounts:
        """The provider may have charged more; the key is charged what its event says."""
        return {**claims.spent_at_most(self.offer, usage), **own_tokens(self.grant.claim, usage)}

    def _spent_by_failure(self, charges: Charge, usage: Usage, *, is_known: bool) -> Amounts:
        """`is_known`: the upstream said what it charges."""
        if is_known or charges == "all":
            return self._spent(usage)
        nothing = self._nothing()
        return nothing | {"requests": 1} if charges == "request" and self.sent else nothing

    def _nothing(self) -> dict[Metric, int]:
        return dict.fromkeys(self.grant.claim.amounts, 0)

    async def _complete(self, completion: Completion) -> None:
        """Settle what was reserved; then, with everything safe, count."""
        store, policy, now = self._runtime.store, CONFIG.value.breaker, clock.now()
        try:
            await self._runtime.see_through(lambda: store.complete(self.grant, completion, policy, now))
        finally:
            metrics.attempt_ended(self.event)


JITTER_S = (0.02, 0.3)
NO_TEXT: frozenset[Capability] = frozenset({"vision", "files", "audio"})
LOGGED: dict[Reason, str] = {
    "quarantine": "credential.quarantined",
    "payment_required": "credential.closed",
    "unsupported_region": "credential.closed",
    "throttled": "credential.closed",
    "service_retired": "provider.retired",
}
CANCELLED = UpstreamError(ErrorKind.CANCELLED, "The client went away.")
STALLED = UpstreamError(ErrorKind.CLIENT_STALLED, "The client did not read its answer.")
STOPPED = UpstreamError(ErrorKind.SHUTDOWN, "The gateway was stopped.")
