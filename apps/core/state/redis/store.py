"""The state store of a fleet: all counters are in Redis, and every process takes from them.

A request awaits one script, `acquire`. How it ended is sent and not awaited; what requests are ranked by is in the `mirror`. A process that
gets no answer in time goes on by itself, with its share of what was left (`away`), and comes back by itself.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final

import structlog

from apps.core.state.blocks import OPEN
from apps.core.state.contract import (
    Amounts,
    BreakerPolicy,
    Claim,
    Completion,
    Glance,
    Grant,
    Reading,
    ReadPast,
    Refusal,
    Report,
    Skew,
    Standing,
    Subject,
    Window,
)
from apps.core.state.redis.away import Away
from apps.core.state.redis.ending import LEASE_S
from apps.core.state.redis.link import LinkError
from apps.core.state.redis.member import Member
from apps.core.state.redis.mending import mend
from apps.core.state.redis.mirror import Mirror
from apps.core.state.redis.names import owner_of
from apps.core.state.redis.packing import Packer
from apps.core.state.redis.session import AheadError, LostEpochError
from apps.core.state.redis.settling import Settling
from apps.core.state.redis.watching import Watching

log = structlog.get_logger("freeai.state")

DEADLINE_S: Final = 0.25
"""A Redis that takes longer for an answer counts as away."""
MENDS: Final = 5
FRESH_S: Final = 0.3
"""What was looked at so long ago is good enough to rank by; it is looked at ten times a second while anybody asks."""


def _ignored(_what: object) -> None:
    """Nobody listens to breakers, nobody minds the clock."""


class RedisStore:
    """Implements `contract.StateStore`. Connects with the first call, or in `restore`."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "fa1",
        deadline_s: float = DEADLINE_S,
        fresh_s: float = FRESH_S,
        gather_s: float = 0.3,
    ) -> None:
        self.on_trip: Callable[[str], None] = _ignored
        self.on_rewind: Callable[[float], None] = _ignored
        self._mirror = Mirror()
        self._mirror.on_rewind = self._rewound
        self._packer = Packer(self._mirror.skews)
        self._member = Member(url, prefix, deadline_s, self._mirror, self._packer, gather_s=gather_s)
        self._member.on_trip = self._tripped
        self._watching = Watching(self._member, self._mirror, fresh_s)
        self._settling = Settling(self._member, self._mirror, self._watching)
        self._settling.on_trip = self._tripped

    @property
    def mode(self) -> str:
        return "redis" if self._member.away is None else "away"

    @property
    def fleet(self) -> list[str]:
        """The processes that live, this one among them, by when they came."""
        return self._member.fleet

    @property
    def is_seasoned(self) -> bool:
        """Whether all others know of this process, so that it has a share where Redis is lost."""
        return self._member.is_seasoned

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        if await self._is_there():
            await self._watching.look(subjects, now)
        if (away := self._member.away) is not None:
            return await away.view(subjects, now)
        return await self._mirror.view(subjects, now)

    async def glance(self, subjects: Sequence[Subject], now: float) -> list[Glance]:
        if await self._is_there():
            await self._watching.look(subjects, now)
        if (away := self._member.away) is not None:
            return await away.glance(subjects, now)
        return await self._mirror.glance(subjects, now)

    async def read(self, windows: Sequence[Window], now: float) -> list[Reading]:
        if await self._is_there():
            await self._watching.look_at(windows, now)
        return await self._mirror.read(windows, now)

    async def acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        return (await self.acquire_first((claim,), now))[-1]

    async def acquire_first(self, claims: Sequence[Claim], now: float) -> list[Grant | Refusal]:
        self._mirror.follow(now)
        for _ in range(MENDS):
            if (away := await self._away()) is not None:
                return await away.acquire_first(claims, now)
            try:
                return await self._acquire(claims, now)
            except AheadError:
                await mend(self._member, claims[0].subject, now)
            except LinkError as error:
                self._member.unknown.extend((claim, now) for claim in claims)
                self._member.leave(str(error))
            except LostEpochError:
                self._member.leave("its counters were lost")
        return [Refusal("quota", now + 1.0)]

    async def take(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[int, ...] | Refusal:
        self._mirror.follow(now)
        for _ in range(MENDS):
            if (away := await self._away()) is not None:
                return await away.take(windows, amounts, now)
            try:
                return await self._take(windows, amounts, now)
            except AheadError:
                await mend(self._member, Subject("", "", tuple(windows)), now)
            except LinkError as error:
                self._member.leave(str(error))
            except LostEpochError:
                self._member.leave("its counters were lost")
        return Refusal("quota", now + 1.0)

    async def complete(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        self._mirror.follow(now)
        await self._settling.complete(grant, completion, policy, now)

    async def tighten(self, reports: Sequence[Report], now: float) -> None:
        self._mirror.follow(now)
        if (await self._away()) is not None:
            await self._mirror.tighten(reports, now)
            return
        self._settling.tighten(reports, now)

    async def set_clock(self, provider: str, skew: Skew, now: float) -> None:
        await self._mirror.set_clock(provider, skew, now)
        self._packer.forget()
        self._member.everybody.tell("skews", provider, skew)

    async def reset(self, owner: str, now: float, *, before: float = inf) -> None:
        await self._mirror.reset(owner, now, before=before)
        self._mirror.forget_raws()
        await self._away()
        await self._member.everybody.reset(owner, before)

    async def restore(self, read: ReadPast, now: float) -> None:
        await self._member.restore(read, now)
        self._watching.start()

    async def open_grants(self) -> int:
        await self._settling.sent()
        return len(self._member.open)

    async def aclose(self) -> None:
        await self._settling.sent()
        await self._watching.aclose()
        await self._member.aclose()

    async def _is_there(self) -> bool:
        """Whether Redis may be asked; connects where nobody has."""
        return self._member.is_there or await self._member.look_in()

    async def _away(self) -> Away | None:
        """What goes on without Redis, where it must; connects where nobody has."""
        if self._member.is_there:
            return None
        return await self._member.ready()

    async def _acquire(self, claims: Sequence[Claim], now: float) -> list[Grant | Refusal]:
        member, mirror = self._member, self._mirror
        credential = claims[0].subject.credential
        owners = [credential]
        choices: list[dict[str, Any]] = []
        keep_s = 1
        for claim in claims:
            placed = []
            for window in claim.subject.windows:
                owner = owner_of(window)
                if owner not in owners:
                    owners.append(owner)
                placed.append((window, 2 + owners.index(owner)))
            raws, keeps = self._packer.pack(placed, now)
            keep_s = 0 if not (keep_s and keeps) else max(keep_s, keeps)
            shut = mirror.service_shut(claim.subject, now)
            choices.append(
                {
                    "id": claim.id,
                    "credential": credential,
                    "candidate": claim.subject.candidate,
                    "windows": raws,
                    "amounts": claim.amounts,
                    "known": claim.known,
                    "shut": False if shut is OPEN else [shut[0], shut[1] or False, shut[2]],
                }
            )
        keys = [member.names.grants_of(claim.subject.candidate) for claim in claims]
        for number, choice in enumerate(choices):
            choice["grants"] = 2 + len(owners) + number
        arguments = {
            "now": now,
            "choices": choices,
            "budget": mirror.lessons.asking.may_spend,
            "lease": LEASE_S,
            "keep": keep_s,
        }
        answer = await member.run("acquire", owners, keys, arguments)
        refusals = [Refusal(reason, until, key, detail) for until, reason, detail, key in answer[1]]
        if not answer[0]:
            return [*refusals]
        place, _, trial, tries, probe, used = answer
        claim = claims[place - 1]
        return [*refusals, self._granted(claim, now, trial, tries, probe, used)]

    def _granted(
        self, claim: Claim, now: float, trial: bool, tries: Any, probe: Any, used: list[int]
    ) -> Grant:
        if probe:
            window = next(window for window in claim.subject.windows if window.key == probe[0])
            self._mirror.lessons.asking.begin(claim.id, window, probe[1])
        service = self._mirror.granted(claim, used, now)
        self._member.note(claim, now)
        return Grant(claim, now, bool(trial), service or tries or None)

    async def _take(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[int, ...] | Refusal:
        owners = [*dict.fromkeys(map(owner_of, windows))]
        placed = [(window, 2 + owners.index(owner_of(window))) for window in windows]
        raws, keep_s = self._packer.pack(placed, now)
        arguments = {"now": now, "windows": raws, "amounts": amounts, "keep": keep_s, "lease": LEASE_S}
        answer = await self._member.run("take", owners, [], arguments)
        if answer[0] is False:
            until, reason, detail, key = answer[1]
            return Refusal(reason, until, key, detail)
        self._member.charges.add(windows, amounts, now)
        self._mirror.took(windows, answer[0], amounts, now)
        self._watching.keep_in_sight(windows)
        return tuple(answer[0])

    def _tripped(self, credential: str) -> None:
        self.on_trip(credential)

    def _rewound(self, by_s: float) -> None:
        self._packer.forget()
        self.on_rewind(by_s)
