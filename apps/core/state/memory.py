"""The state store of a single process: plain dicts.

Nothing here awaits but `restore`, before the first request: every call is atomic on its event loop. Threads must not share a store.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import inf

from apps.core.state.averages import Averages
from apps.core.state.blocks import OPEN, Blocks, Shut
from apps.core.state.breaker import Breaker
from apps.core.state.contract import (
    Amounts,
    BreakerPolicy,
    Claim,
    Completion,
    Grant,
    Health,
    ReadPast,
    Refusal,
    Report,
    Standing,
    Subject,
    Window,
)
from apps.core.state.journal import Journal
from apps.core.state.windows import Counter, new_counter

SWEEP_EVERY = 1024
"""Acquires between two sweeps; as many as there are keys if that is more, so the cost of each is constant."""

_UNMEASURED = Averages()


def _nobody(_credential: str) -> None:
    """Listens to no breaker."""


def _nothing(_seconds: float) -> None:
    """Minds no clock."""


CLOCK_WENT_BACK_S = 10.0
"""No caller's `now` is that old: time itself was put back. Less than that nobody minds waiting longer."""


class MemoryStore:
    """Implements `contract.StateStore`. Keys with nothing left to say are swept out as requests come in.

    Blocks that outlive a restart are in the `journal`, where there is one.
    """

    mode = "memory"

    def __init__(self, journal: Journal | None = None) -> None:
        self._counters: dict[str, Counter] = {}
        self._blocks = Blocks(journal)
        self._breakers: dict[str, Breaker] = {}
        self._averages: dict[str, Averages] = {}
        self._latest = 0.0
        self._open: set[str] = set()
        self._restoring = asyncio.Lock()
        self._restored = False
        self.on_trip: Callable[[str], None] = _nobody
        self.on_rewind: Callable[[float], None] = _nothing
        self._sweep_in = SWEEP_EVERY

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        self._follow(now)
        return [self._standing(subject, now) for subject in subjects]

    async def acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        self._follow(now)
        refusal = self._charge(claim.subject.windows, claim.amounts, now, self._shut(claim.subject, now))
        return self._grant(claim, now) if refusal is None else refusal

    async def take(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[int, ...] | Refusal:
        self._follow(now)
        refusal = self._charge(windows, amounts, now)
        return tuple([self._used(window, now) for window in windows]) if refusal is None else refusal

    async def complete(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        if grant.claim.id not in self._open:
            return
        self._open.remove(grant.claim.id)
        self._follow(now)
        self._settle(grant, completion, now)
        for block in completion.blocks:
            self._blocks.add(block, now)
        self._averages[grant.claim.subject.candidate].finish(completion, now)
        if self._judge(grant, completion.health, policy, now):
            self.on_trip(grant.claim.subject.credential)

    async def tighten(self, reports: Sequence[Report], now: float) -> None:
        self._follow(now)
        for report in reports:
            counter = self._counter(report.window, now)
            counter.tighten(report.window.limit, report.remaining, report.resets_at, now)

    async def reset(self, credential: str, now: float, *, before: float = inf) -> None:
        breaker = self._breakers.get(credential)
        if breaker is not None and breaker.opened_at < before:
            del self._breakers[credential]
        self._blocks.lift(credential, before)

    async def restore(self, read: ReadPast, now: float) -> None:
        async with self._restoring:
            if self._restored:
                return
            past = list(await read(now))
            self._restored = True
        self._blocks.recall(now)
        for usage in past:
            at = min(usage.at, now)  # another process's clock may be ahead
            for window in usage.windows:
                if amount := usage.amounts.get(window.metric):
                    self._counter(window, now).correct(amount, at)

    async def open_grants(self) -> int:
        return len(self._open)

    async def aclose(self) -> None:
        self._blocks.close()

    def size(self) -> int:
        """Keys held in memory, for the metric that shows a leak."""
        return len(self._counters) + self._blocks.size() + len(self._breakers) + len(self._averages)

    def _standing(self, subject: Subject, now: float) -> Standing:
        until, reason, detail = self._shut(subject, now)
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
                until, reason, detail = free_at, "quota", ""
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
            detail,
        )

    def _shut(self, subject: Subject, now: float) -> Shut:
        """The later of block and breaker, with reason and detail; OPEN when neither stops a request."""
        blocked = self._blocks.shut(subject, now)
        breaker = self._breakers.get(subject.credential)
        shut = None if breaker is None else breaker.shut(now)
        return (*shut, "") if shut is not None and shut[0] > blocked[0] else blocked

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
        shut: Shut = OPEN,
    ) -> Refusal | None:
        """Take from all windows or, if one is full or something has `shut` the subject, from none."""
        self._sweep_in -= 1
        if self._sweep_in <= 0:
            self._sweep(now)
        until, reason, detail = shut
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
                    until, reason, detail, full = free_at, "quota", "", window.key
            charges.append((counter, amount))
        if reason is not None:
            return Refusal(reason, until, full, detail)
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
                self._counter(window, now).correct(delta, min(grant.at, now))

    def _judge(self, grant: Grant, health: Health, policy: BreakerPolicy, now: float) -> bool:
        """Tell the breaker. Returns whether this opened it."""
        credential, attempt = grant.claim.subject.credential, grant.claim.id
        breaker = self._breakers.get(credential)
        if health == "success":
            self._blocks.end_row(grant.claim.subject.candidate)
            if breaker is not None and breaker.ends_with(attempt):
                del self._breakers[credential]
            return False
        if health == "neutral":
            if breaker is not None:
                breaker.release(attempt)
            return False
        if breaker is None:
            breaker = self._breakers[credential] = Breaker()
        return breaker.fail(attempt, policy, now)

    def _follow(self, now: float) -> None:
        """Notice when the clock was put back."""
        if now >= self._latest:
            self._latest = now
        elif now < self._latest - CLOCK_WENT_BACK_S:
            by_s, self._latest = self._latest - now, now
            self._rewind(now)
            self.on_rewind(by_s)

    def _rewind(self, now: float) -> None:
        """Nothing has happened after `now`."""
        for counter in self._counters.values():
            counter.rewind(now)
        for breaker in self._breakers.values():
            breaker.rewind(now)
        self._blocks.rewind(now)

    def _sweep(self, now: float) -> None:
        """Drop what has nothing left to say. Open grants settle only into running windows, and those stay."""
        self._counters = {key: counter for key, counter in self._counters.items() if not counter.ended(now)}
        self._blocks.sweep(now)
        self._breakers = {key: breaker for key, breaker in self._breakers.items() if breaker.forget_at > now}
        self._averages = {key: averages for key, averages in self._averages.items() if not averages.idle(now)}
        self._sweep_in = max(SWEEP_EVERY, self.size())
