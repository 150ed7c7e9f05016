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
    Glance,
    Grant,
    Health,
    PastUsage,
    Reading,
    ReadPast,
    Refusal,
    Report,
    Skew,
    Standing,
    Subject,
    Window,
)
from apps.core.state.counters.counter import Counter
from apps.core.state.journal import Journal
from apps.core.state.keys import CONCURRENCY, account_of, belongs, parse_window_key, provider_key, provider_of
from apps.core.state.lessons import Lessons
from apps.core.state.taught import learn
from apps.core.state.windows import counts_since, new_counter, read_counter

SWEEP_EVERY = 1024
"""Acquires between two sweeps; as many as there are keys if that is more, so the cost of each is constant."""

_UNMEASURED = Averages()


def _ignored(_what: object) -> None:
    """Nobody listens to breakers, nobody minds the clock."""


def _when(usage: PastUsage) -> float:
    return usage.at


def _limit(counter: Counter, window: Window) -> int:
    """What the window admits, by what was learnt of it."""
    return window.limit if counter.learnt is None else counter.learnt.limit_of(window)


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
        self._lessons = Lessons()
        self._breakers: dict[str, Breaker] = {}
        self._averages: dict[str, Averages] = {}
        self._skews: dict[str, Skew] = {}
        self._latest = 0.0
        self._open: set[str] = set()
        self._restoring = asyncio.Lock()
        self._restored = False
        self.on_trip: Callable[[str], None] = _ignored
        self.on_rewind: Callable[[float], None] = _ignored
        self._sweep_in = SWEEP_EVERY

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        self._follow(now)
        return [self._standing(subject, now) for subject in subjects]

    async def glance(self, subjects: Sequence[Subject], now: float) -> list[Glance]:
        self._follow(now)
        return [self._glance(subject, now) for subject in subjects]

    async def read(self, windows: Sequence[Window], now: float) -> list[Reading]:
        self._follow(now)
        return [read_counter(self._counters.get(window.key), window, now) for window in windows]

    async def acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        self._follow(now)
        shut = self._shut(claim.subject, now)
        refusal = self._charge(claim.subject.windows, claim.amounts, now, shut, claim)
        return self._grant(claim, now) if refusal is None else refusal

    async def acquire_first(self, claims: Sequence[Claim], now: float) -> list[Grant | Refusal]:
        answers: list[Grant | Refusal] = []
        for claim in claims:
            answers.append(await self.acquire(claim, now))
            if isinstance(answers[-1], Grant):
                break
        return answers

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
        if completion.refused or self._lessons.asking.is_any_out:
            completion = learn(self._lessons, grant, completion, self._counter, now)
        if completion.health == "success":
            self._lessons.succeeded(grant.claim.subject.credential)
        self._settle(grant, completion, now)
        for block in completion.blocks:
            self._blocks.add(block, now)
        self._averages[grant.claim.subject.candidate].finish(completion, now)
        if self._judge(grant, completion.health, policy, now):
            self.on_trip(grant.claim.subject.credential)
        if self._lessons.changed:
            self._blocks.write_down(self._lessons.changed, now)
            self._lessons.changed = []

    async def tighten(self, reports: Sequence[Report], now: float) -> None:
        self._follow(now)
        for report in reports:
            counter = self._counter(report.window, now)
            counter.tighten(_limit(counter, report.window), report.remaining, report.resets_at, now)

    async def set_clock(self, provider: str, skew: Skew, now: float) -> None:
        self._follow(now)
        self._skews[provider] = skew
        for key, counter in self._counters.items():
            if belongs(account_of(parse_window_key(key).scope), provider):
                counter.set_clock(skew, now)

    async def reset(self, owner: str, now: float, *, before: float = inf) -> None:
        for credential, breaker in list(self._breakers.items()):
            if belongs(credential, owner) and breaker.opened_at < before:
                del self._breakers[credential]
        self._blocks.lift(owner, before)
        for key in self._lessons.forget(owner, before):
            self._blocks.forget_lesson(key)
            if key in self._counters:
                self._counters[key].learnt = None

    async def restore(self, read: ReadPast, now: float) -> None:
        async with self._restoring:
            if self._restored:
                return
            past = sorted(await read(now), key=_when)
            self._restored = True
        self._lessons.recall(self._blocks.recall(now))
        for usage in past:
            at = min(usage.at, now)  # another process's clock may be ahead
            for window in usage.windows:
                if amount := usage.amounts.get(window.metric):
                    self._recall(window, amount, at, now)

    async def open_grants(self) -> int:
        return len(self._open)

    async def aclose(self) -> None:
        self._blocks.close()

    def size(self) -> int:
        """Keys held in memory, for the metric that shows a leak."""
        kept = len(self._counters) + self._blocks.size() + self._lessons.size()
        return kept + len(self._breakers) + len(self._averages)

    def _standing(self, subject: Subject, now: float) -> Standing:
        until, reason, detail = self._shut(subject, now)
        used: list[int] = []
        counters = self._counters
        for window in subject.windows:
            counter = counters.get(window.key)
            if counter is None:
                used.append(0)
                continue
            limit = window.limit if counter.learnt is None else counter.learnt.limit_of(window)
            if now >= counter.stale_at:
                counter.roll(now, limit)
            if counter.cap is None and not 0 < limit <= counter.used:
                used.append(counter.used)
                continue
            used.append(counter.shown(limit, now))
            free_at = counter.free_at(1, limit, now)
            if free_at > until:
                until, reason, detail = free_at, "quota", ""
        averages = self._averages.get(subject.candidate, _UNMEASURED)
        breaker = self._breakers.get(subject.credential)
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
            None if breaker is None else breaker.pulse(),
        )

    def _glance(self, subject: Subject, now: float) -> Glance:
        """As `_standing` has it; on the way of every request."""
        until = self._shut(subject, now)[0]
        for window in subject.windows:
            counter = self._counters.get(window.key)
            if counter is None:
                continue
            limit = window.limit if counter.learnt is None else counter.learnt.limit_of(window)
            if not limit and counter.cap is None:
                continue
            if now >= counter.stale_at:
                counter.roll(now, limit)
            if counter.cap is not None or 0 < limit <= counter.used:
                until = max(until, counter.free_at(1, limit, now))
        averages = self._averages.get(subject.candidate, _UNMEASURED)
        return Glance(until, averages.in_flight, averages.success_rate)

    def _shut(self, subject: Subject, now: float) -> Shut:
        """The later of block and breaker, with reason and detail; OPEN when neither stops a request."""
        blocked = self._blocks.shut(subject, now)
        breaker = self._breakers.get(subject.credential)
        shut = None if breaker is None else breaker.shut(now)
        return (*shut, "") if shut is not None and shut[0] > blocked[0] else blocked

    def counters_by_key(self) -> list[tuple[str, Counter]]:
        """All that is counted."""
        return [*self._counters.items()]

    def used_of(self, window: Window, now: float) -> int:
        """What is used of a window, as `view` tells it."""
        return self._used(window, now)

    def _used(self, window: Window, now: float) -> int:
        counter = self._counters.get(window.key)
        if counter is None:
            return 0
        limit = _limit(counter, window)
        if now >= counter.stale_at:
            counter.roll(now, limit)
        return counter.shown(limit, now)

    def _counter(self, window: Window, now: float) -> Counter:
        """The window's counter, up to date; a new one if need be."""
        counter = self._counters.get(window.key)
        if counter is None:
            counter = self._counters[window.key] = new_counter(window, now)
            counter.learnt = self._lessons.of(window.key)
            if self._skews and window.margin_s:
                skew = self._skews.get(provider_key(provider_of(account_of(window.scope))))
                if skew is not None:
                    counter.set_clock(skew, now)
        elif now >= counter.stale_at:
            counter.roll(now, _limit(counter, window))
        return counter

    def _recall(self, window: Window, amount: int, at: float, now: float) -> None:
        """It may have ended since: then nothing else knew, and what follows begins anew."""
        counter = self._counters.get(window.key)
        if counter is None:
            counter = self._counters[window.key] = new_counter(window, now)
            counter.learnt = self._lessons.of(window.key)
        counter.recall(amount, at, counts_since(window, now), _limit(counter, window))

    def _charge(
        self,
        windows: Sequence[Window],
        amounts: Amounts,
        now: float,
        shut: Shut = OPEN,
        claim: Claim | None = None,
    ) -> Refusal | None:
        """Take from all windows or, if one is full or something has `shut` the subject, from none; but one that `claim` may probe."""
        self._sweep_in -= 1
        if self._sweep_in <= 0:
            self._sweep(now)
        until, reason, detail = shut
        key = ""
        full: list[tuple[Window, Counter, int]] = []
        charges: list[tuple[Counter, int]] = []
        counters = self._counters
        for window in windows:
            if (metric := window.metric) not in amounts:
                continue
            amount = amounts[metric]
            counter = counters.get(window.key)
            if counter is None or now >= counter.stale_at:
                counter = self._counter(window, now)
            limit = window.limit if counter.learnt is None else counter.learnt.limit_of(window)
            if counter.cap is not None or 0 < limit < counter.used + amount:
                needed = amount if window.own or claim is None else claim.known.get(metric, amount)
                free_at = counter.free_at(needed, limit, now)
                if free_at:
                    full.append((window, counter, needed))
                if free_at > until:
                    until, reason, detail, key = free_at, "quota", "", window.key
            charges.append((counter, amount))
        if reason is not None and not (claim and shut[1] is None and self._goes_beyond(claim, full, now)):
            return Refusal(reason, until, key, detail)
        for counter, amount in charges:
            counter.charge(amount, now)
        return None

    def _goes_beyond(self, claim: Claim, full: list[tuple[Window, Counter, int]], now: float) -> bool:
        """Whether it probes for more than the one window holds that is in its way."""
        if len(full) != 1 or not self._lessons.may_probe(full[0][0], full[0][1], now):
            return False
        window, _, amount = full[0]
        self._lessons.asking.begin(claim.id, window, amount)
        return True

    def _grant(self, claim: Claim, now: float) -> Grant:
        subject = claim.subject
        self._open.add(claim.id)
        averages = self._averages.get(subject.candidate)
        if averages is None:
            averages = self._averages[subject.candidate] = Averages()
        averages.in_flight += 1
        breaker = self._breakers.get(subject.credential)
        trial = breaker is not None and breaker.begin(claim.id, now)
        return Grant(claim, now, trial, self._blocks.begin(subject, claim.id, now))

    def _settle(self, grant: Grant, completion: Completion, now: float) -> None:
        claimed, spent = grant.claim.amounts, completion.spent
        if CONCURRENCY in claimed:
            spent = {**spent, CONCURRENCY: 0}
        for window in grant.claim.subject.windows:
            if (metric := window.metric) in spent and (delta := spent[metric] - claimed.get(metric, 0)):
                self._counter(window, now).correct(delta, min(grant.at, now))

    def _judge(self, grant: Grant, health: Health, policy: BreakerPolicy, now: float) -> bool:
        """Tell the breaker. Returns whether this opened it."""
        subject, attempt = grant.claim.subject, grant.claim.id
        credential = subject.credential
        self._blocks.ended(subject, attempt, grant.at, health, now)
        breaker = self._breakers.get(credential)
        if health == "success":
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
        self._lessons.rewind(now)

    def _sweep(self, now: float) -> None:
        """Drop what has nothing left to say. Open grants settle only into running windows, and those stay."""
        self._counters = {key: counter for key, counter in self._counters.items() if not counter.ended(now)}
        self._blocks.sweep(now)
        self._lessons.sweep(now)
        self._breakers = {key: breaker for key, breaker in self._breakers.items() if breaker.forget_at > now}
        self._averages = {key: averages for key, averages in self._averages.items() if not averages.idle(now)}
        self._sweep_in = max(SWEEP_EVERY, self.size())
