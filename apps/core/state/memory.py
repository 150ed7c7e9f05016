"""The state store of a single process: plain dicts.

Nothing here awaits but `restore`, before the first request: every call is atomic on its event loop. Threads must not share a store.
"""

import asyncio
from collections.abc import Callable, Sequence

from apps.core.state.averages import Averages
from apps.core.state.breaker import Breaker
from apps.core.state.contract import (
    Amounts,
    Block,
    BreakerPolicy,
    Claim,
    Completion,
    Grant,
    Health,
    ReadPast,
    Reason,
    Refusal,
    Report,
    Standing,
    Subject,
    Window,
)
from apps.core.state.keys import belongs
from apps.core.state.windows import Counter, new_counter

SWEEP_EVERY = 1024
"""Acquires between two sweeps; as many as there are keys if that is more, so the cost of each is constant."""

_UNMEASURED = Averages()


def _nobody(_credential: str) -> None:
    """Listens to no breaker."""


class MemoryStore:
    """Implements `contract.StateStore`. Keys with nothing left to say are swept out as requests come in."""

    mode = "memory"

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}
        self._blocks: dict[str, Block] = {}
        self._breakers: dict[str, Breaker] = {}
        self._averages: dict[str, Averages] = {}
        self._open: set[str] = set()
        self._restoring = asyncio.Lock()
        self._restored = False
        self.on_trip: Callable[[str], None] = _nobody
        self._sweep_in = SWEEP_EVERY

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        return [self._standing(subject, now) for subject in subjects]

    async def acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        until, reason = self._shut(claim.subject, now)
        refusal = self._charge(claim.subject.windows, claim.amounts, now, until, reason)
        return self._grant(claim, now) if refusal is None else refusal

    async def take(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[int, ...] | Refusal:
        refusal = self._charge(windows, amounts, now)
        return tuple([self._used(window, now) for window in windows]) if refusal is None else refusal

    async def complete(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        if grant.claim.id not in self._open:
            return
        self._open.remove(grant.claim.id)
        self._settle(grant, completion, now)
        for block in completion.blocks:
            self._block(block)
        self._averages[grant.claim.subject.candidate].finish(completion, now)
        if self._judge(grant, completion.health, policy, now):
            self.on_trip(grant.claim.subject.credential)

    async def tighten(self, reports: Sequence[Report], now: float) -> None:
        for report in reports:
            counter = self._counter(report.window, now)
            counter.tighten(report.window.limit, report.remaining, report.resets_at, now)

    async def reset(self, credential: str, now: float) -> None:
        self._breakers.pop(credential, None)
        for scope in [scope for scope in self._blocks if belongs(scope, credential)]:
            del self._blocks[scope]

    async def restore(self, read: ReadPast, now: float) -> None:
        async with self._restoring:
            if self._restored:
                return
            past = list(await read(now))
            self._restored = True
        for usage in past:
            at = min(usage.at, now)  # another process's clock may be ahead
            for window in usage.windows:
                if amount := usage.amounts.get(window.metric):
                    self._counter(window, now).correct(amount, at)

    async def open_grants(self) -> int:
        return len(self._open)

    async def aclose(self) -> None:
        """Nothing is open."""

    def size(self) -> int:
        """Keys held in memory, for the metric that shows a leak."""
        return len(self._counters) + len(self._blocks) + len(self._breakers) + len(self._averages)

    def _standing(self, subject: Subject, now: float) -> Standing:
        until, reason = self._shut(subject, now)
        used: list[int] = []
        counters = self._counters
        for window in subject.windows:
            counter = counters.get(window.key)
            if counter is None:
                used.append(0)
                continue
            if now >= counter.stale_at:
                counter.roll(now)
            if counter.cap is None and not 0 < window.limit <= counter.used:
                used.append(counter.used)
                continue
            used.append(counter.shown(window.limit, now))
            free_at = counter.free_at(1, window.limit, now)
            if free_at > until:
                until, reason = free_at, "quota"
        averages = self._averages.get(subject.candidate, _UNMEASURED)
        return Standing(
            tuple(used),
            until,
            reason,
            averages.in_flight,
            averages.latency_ema_ms,
            averages.last_latency_ms,
            averages.ttfb_ema_ms,
            averages.success_rate,
        )

    def _shut(self, subject: Subject, now: float) -> tuple[float, Reason | None]:
        """The later of block and breaker, and its reason; 0.0 and None when neither stops a request."""
        until: float = 0.0
        reason: Reason | None = None
        if self._blocks:
            for scope in (subject.credential, subject.candidate):
                block = self._blocks.get(scope)
                if block is not None and block.until > now and block.until > until:
                    until, reason = block.until, block.reason
        breaker = self._breakers.get(subject.credential)
        shut = None if breaker is None else breaker.shut(now)
        return shut if shut is not None and shut[0] > until else (until, reason)

    def _used(self, window: Window, now: float) -> int:
        counter = self._counters.get(window.key)
        if counter is None:
            return 0
        if now >= counter.stale_at:
            counter.roll(now)
        return counter.shown(window.limit, now)

    def _counter(self, window: Window, now: float) -> Counter:
        """The window's counter, up to date; a new one if need be."""
        counter = self._counters.get(window.key)
        if counter is None:
            counter = self._counters[window.key] = new_counter(window, now)
        elif now >= counter.stale_at:
            counter.roll(now)
        return counter

    def _charge(
        self,
        windows: Sequence[Window],
        amounts: Amounts,
        now: float,
        until: float = 0.0,
        reason: Reason | None = None,
    ) -> Refusal | None:
        """Take from all windows or, if one is full or there is a `reason` that holds `until` then, from none."""
        self._sweep_in -= 1
        if self._sweep_in <= 0:
            self._sweep(now)
        full = ""
        charges: list[tuple[Counter, int]] = []
        counters = self._counters
        for window in windows:
            if (metric := window.metric) not in amounts:
                continue
            amount = amounts[metric]
            counter = counters.get(window.key)
            if counter is None or now >= counter.stale_at:
                counter = self._counter(window, now)
            if counter.cap is not None or 0 < window.limit < counter.used + amount:
                free_at = counter.free_at(amount, window.limit, now)
                if free_at > until:
                    until, reason, full = free_at, "quota", window.key
            charges.append((counter, amount))
        if reason is not None:
            return Refusal(reason, until, full)
        for counter, amount in charges:
            counter.charge(amount, now)
        return None

    def _grant(self, claim: Claim, now: float) -> Grant:
        subject = claim.subject
        self._open.add(claim.id)
        averages = self._averages.get(subject.candidate)
        if averages is None:
            averages = self._averages[subject.candidate] = Averages()
        averages.in_flight += 1
        breaker = self._breakers.get(subject.credential)
        return Grant(claim, now, breaker is not None and breaker.begin(claim.id, now))

    def _settle(self, grant: Grant, completion: Completion, now: float) -> None:
        claimed, spent = grant.claim.amounts, completion.spent
        for window in grant.claim.subject.windows:
            if (metric := window.metric) in spent and (delta := spent[metric] - claimed.get(metric, 0)):
                self._counter(window, now).correct(delta, grant.at)

    def _judge(self, grant: Grant, health: Health, policy: BreakerPolicy, now: float) -> bool:
        """Tell the breaker. Returns whether this opened it."""
        credential, attempt = grant.claim.subject.credential, grant.claim.id
        if health == "success":
            self._breakers.pop(credential, None)
            return False
        breaker = self._breakers.get(credential)
        if health == "neutral":
            if breaker is not None:
                breaker.release(attempt)
            return False
        if breaker is None:
            breaker = self._breakers[credential] = Breaker()
        return breaker.fail(attempt, policy, now)

    def _block(self, block: Block) -> None:
        standing = self._blocks.get(block.scope)
        if standing is None or block.until > standing.until:
            self._blocks[block.scope] = block

    def _sweep(self, now: float) -> None:
        """Drop what has nothing left to say. Open grants settle only into running windows, and those stay."""
        self._counters = {key: counter for key, counter in self._counters.items() if not counter.ended(now)}
        self._blocks = {scope: block for scope, block in self._blocks.items() if block.until > now}
        self._breakers = {key: breaker for key, breaker in self._breakers.items() if breaker.forget_at > now}
        self._averages = {key: averages for key, averages in self._averages.items() if not averages.idle(now)}
        self._sweep_in = max(SWEEP_EVERY, self.size())
