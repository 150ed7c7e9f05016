"""A process that cannot reach the counters of all goes on with its share of what was left when it last knew.

What all had used by then counts on and runs out as windows do; of the rest, and of what comes back, each of N processes may take an Nth.
What the others took in the last moments, which this process has not seen, is supposed to be as much as what it has seen them take just
before: so the shares of all processes together do not exceed what is left. Of what this process has never looked at the ledger tells; where
that cannot be read either, it may be full, and is refused.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog
from msgspec.structs import replace

from apps.core.state.contract import (
    Amounts,
    Block,
    BreakerPolicy,
    Claim,
    Completion,
    Glance,
    Grant,
    ReadPast,
    Refusal,
    Standing,
    Subject,
    Window,
)
from apps.core.state.counters.counter import Counter
from apps.core.state.memory import MemoryStore
from apps.core.state.redis.charges import UNSEEN_S, Charges
from apps.core.state.redis.mirror import Mirror
from apps.core.state.windows import new_counter

ASK_AGAIN_S: Final = 1.0
MOST_BLOCKS: Final = 1000
LEDGER_S: Final = 2.0
"""So long a request waits for what the ledger tells."""

log = structlog.get_logger("freeai.state")


class Place(NamedTuple):
    """Of a process among `processes`, the oldest first. One that came lately has none: others may not know of it."""

    processes: int
    rank: int | None

    def of(self, left: int) -> int:
        """Its share."""
        if self.rank is None:
            return 0
        return left // self.processes + (self.rank < left % self.processes)


class Own(MemoryStore):
    """What this process takes meanwhile; blocks, breakers and averages are those of the mirror."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__()
        mirror.lend_health(self)

    def health_of(self, subject: Subject, now: float) -> Standing:
        """Its standing but for quotas."""
        return self._standing(Subject(subject.credential, subject.candidate), now)


class Away:
    """From when Redis was lost until it is back. `charges`: what was taken meanwhile, for Redis to know then; `open`: by claim; `blocks`:
    what ended there. `lately`: all that the process takes, here and there."""

    def __init__(
        self, mirror: Mirror, place: Place, lately: Charges, read: ReadPast | None, now: float
    ) -> None:
        self._read = read
        self._since = now
        self._unseen = mirror.others.since(now - UNSEEN_S)
        self._supposed: dict[str, Counter] = {}
        self._reading: asyncio.Task[None] | None = None
        self._is_told = False  # by the ledger
        self._mirror = mirror
        self._lately = lately
        self._own = Own(mirror)
        self._place = place
        self.charges = Charges()
        self.open: dict[str, Grant] = {}
        self.blocks: deque[Block] = deque(maxlen=MOST_BLOCKS)

    def tell_trips(self, listener: Callable[[str], None]) -> None:
        """Whom a breaker's opening is told."""
        self._own.on_trip = listener

    def has(self, claim: str) -> bool:
        """Whether it was granted here."""
        return claim in self.open

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        """The standing of each: what this process may not take is used."""
        self._mirror.follow(now)
        return [self._standing(subject, now) for subject in subjects]

    async def glance(self, subjects: Sequence[Subject], now: float) -> list[Glance]:
        """What of it a request looks at anew."""
        standings = await self.view(subjects, now)
        return [Glance(each.blocked_until, each.in_flight, each.success_rate) for each in standings]

    async def acquire_first(self, claims: Sequence[Claim], now: float) -> list[Grant | Refusal]:
        """The first of them that fits into its share, behind the refusals before it."""
        answers: list[Grant | Refusal] = []
        for claim in claims:
            answers.append(await self._acquire(claim, now))
            if isinstance(answers[-1], Grant):
                break
        return answers

    async def take(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[int, ...] | Refusal:
        """As the store's."""
        await self._ask_ledger(windows, now)
        shared = self._shared(windows, amounts, now)
        if isinstance(shared, Refusal):
            return shared
        taken = await self._own.take(shared, amounts, now)
        if isinstance(taken, Refusal):
            return taken
        self._note(windows, amounts, now)
        before = [self._mirror.used_of(window, now) for window in windows]
        return tuple(own + used for own, used in zip(taken, before, strict=True))

    async def complete(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        """Settle what was granted here. Refusals teach nothing of a limit that is a share."""
        granted = self.open.pop(grant.claim.id)
        claim = grant.claim
        deltas = {
            metric: completion.spent[metric] - amount
            for metric, amount in claim.amounts.items()
            if metric in completion.spent
        }
        self._note(claim.subject.windows, deltas, granted.at)
        self.blocks.extend(completion.blocks)
        await self._own.complete(granted, replace(completion, refused=()), policy, now)

    async def _acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        await self._ask_ledger(claim.subject.windows, now)
        shared = self._shared(claim.subject.windows, claim.amounts, now)
        if isinstance(shared, Refusal):
            return shared
        cut = replace(claim, subject=replace(claim.subject, windows=shared))
        answer = await self._own.acquire(cut, now)
        if isinstance(answer, Refusal):
            return answer
        self.open[claim.id] = answer
        self._note(claim.subject.windows, claim.amounts, now)
        return replace(answer, claim=claim)

    def _left(self, window: Window, limit: int, now: float) -> int:
        """What all of them may take of it yet."""
        if unseen := self._unseen.pop(window.key, 0):
            self._supposed[window.key] = new_counter(window, self._since)
            self._supposed[window.key].charge(unseen, self._since)
        used = self._mirror.used_of(window, now)
        if (supposed := self._supposed.get(window.key)) is not None:
            if now >= supposed.stale_at:
                supposed.roll(now, limit)
            used += supposed.used
        return max(limit - used, 0)

    def _knows(self, window: Window) -> bool:
        return self._is_told or self._mirror.knows(window)

    async def _ask_ledger(self, windows: Sequence[Window], now: float) -> None:
        """Once, where there is a window at which nobody has looked here."""
        if (
            self._read is None
            or self._is_told
            or all(self._knows(window) for window in windows if window.limit)
        ):
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._told_by(self._read, now))
        await asyncio.wait([self._reading], timeout=LEDGER_S)

    async def _told_by(self, read: ReadPast, now: float) -> None:
        fresh = MemoryStore()
        try:
            await fresh.restore(read, now)
        except Exception as error:  # noqa: BLE001 - the ledger may be away too: then nothing more is known
            log.warning("state.ledger_unread", error=type(error).__name__)
            return
        self._mirror.adopt(fresh.counters_by_key())
        self._is_told = True

    def _note(self, windows: Sequence[Window], amounts: Amounts, at: float) -> None:
        self.charges.add(windows, amounts, at)
        self._lately.add(windows, amounts, at)

    def _shared(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[Window, ...] | Refusal:
        """The windows as they are for this process; a refusal where it has no share in one."""
        shared = []
        for window in windows:
            limit = self._mirror.limit_of(window, now)
            if not limit or window.metric not in amounts:
                shared.append(window)
                continue
            if not self._knows(window):
                return Refusal("quota", now + ASK_AGAIN_S, window.key)
            part = self._place.of(self._left(window, limit, now))
            if part <= 0:
                free_at = self._mirror.counter_of(window, now).free_at(1, limit, now)
                return Refusal("quota", max(free_at, now + ASK_AGAIN_S), window.key)
            kind = "fixed" if window.kind == "fixed" else "rolling"
            shared.append(replace(window, limit=part, kind=kind, certain=True))
        return tuple(shared)

    def _standing(self, subject: Subject, now: float) -> Standing:
        """What the others may take is used, as far as this process goes."""
        health = self._own.health_of(subject, now)
        used = []
        until, reason = health.blocked_until, health.reason
        for window in subject.windows:
            limit, counted = self._mirror.limit_of(window, now), self._mirror.used_of(window, now)
            own = self._own.used_of(window, now)
            if not limit:
                used.append(counted + own)
                continue
            part = self._place.of(self._left(window, limit, now)) if self._knows(window) else 0
            left = max(part - own, 0)
            used.append(max(limit - left, 0))
            if not left and until <= now + ASK_AGAIN_S:
                until, reason = now + ASK_AGAIN_S, "quota"
        return replace(health, used=tuple(used), blocked_until=until, reason=reason)
