"""How attempts end, told to Redis: sent with the next write, not awaited. What a refusal or a probe taught is found out here, of what is
counted now, and goes along."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from msgspec.structs import replace

from apps.core import ids
from apps.core.state.contract import Block, BreakerPolicy, Completion, Grant, Report, Subject, Window
from apps.core.state.counters.counter import Counter
from apps.core.state.keys import CONCURRENCY, account_of, parse_window_key, provider_key, provider_of
from apps.core.state.redis import records
from apps.core.state.redis.ending import LEASE_S, Ending
from apps.core.state.redis.link import LinkError, RefusedError
from apps.core.state.redis.member import Member
from apps.core.state.redis.mending import mend
from apps.core.state.redis.mirror import Mirror
from apps.core.state.redis.names import owner_of, tag_of
from apps.core.state.redis.session import AheadError, LostEpochError
from apps.core.state.redis.watching import Watching
from apps.core.state.taught import learn

RECORDED: Final = frozenset({"deny", "refused", "tighten", "correct", "begin_anew"})
SENT_S: Final = 5.0


class _Recorded:
    """A counter, and a note of what is done to it."""

    def __init__(self, counter: Counter, place: int, steps: list[list[Any]]) -> None:
        object.__setattr__(self, "_counter", counter)
        object.__setattr__(self, "_note", (place, steps))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._counter, name)
        if name not in RECORDED:
            return found
        place, steps = self._note

        def noted(*arguments: Any) -> Any:
            steps.append([name, place, *self._told(name, arguments)])
            return found(*arguments)

        return noted

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._counter, name, value)

    @staticmethod
    def _told(name: str, arguments: tuple[Any, ...]) -> list[Any]:
        """Without the time, which the script has; no end of a report is false there."""
        if name == "tighten":
            limit, remaining, resets_at, _now = arguments
            return [limit, remaining, False if resets_at is None else resets_at]
        return [*arguments]


class Settling:
    """Of one process. `on_trip`: see the contract."""

    def __init__(self, member: Member, mirror: Mirror, watching: Watching) -> None:
        self._member = member
        self._mirror = mirror
        self._watching = watching
        self._under_way: set[asyncio.Future[Any]] = set()
        self.on_trip: Callable[[str], None] = lambda _credential: None
        member.settle = self.replay

    async def complete(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        member, claim = self._member, grant.claim
        is_open = member.open.pop(claim.id, None) is not None
        spent = completion.spent
        if is_open:
            deltas = {
                metric: spent[metric] - amount for metric, amount in claim.amounts.items() if metric in spent
            }
            member.charges.add(claim.subject.windows, deltas, grant.at)
        away = member.away
        if away is not None and away.has(claim.id):
            await away.complete(grant, completion, policy, now)
            return
        ending = Ending(grant, completion, policy, now)
        if away is not None or not member.is_there:
            self._mirror.settled(grant, replace(completion, refused=()), policy, now)
            member.keep_for_later(ending)
            return
        probed = self._mirror.lessons.asking.key_of(claim.id)
        if completion.refused or probed:
            ending, taught = await self._learn(ending)
            self._send(ending, {**taught, "probed": probed})
        else:
            self._send(ending, {})

    async def replay(self, ending: Ending, send: Any) -> None:
        """Settle what ended while Redis was away."""
        await send("settle", *self._asked(ending, {}))

    def tighten(self, reports: Sequence[Report], now: float) -> None:
        """Send what upstreams report."""
        by_tag: dict[str, list[Report]] = {}
        for report in reports:
            by_tag.setdefault(tag_of(owner_of(report.window)), []).append(report)
        for some in by_tag.values():
            owners = [*dict.fromkeys(owner_of(report.window) for report in some)]
            placed = [(report.window, 2 + owners.index(owner_of(report.window))) for report in some]
            raws, keep_s = self._member.packer.pack(placed, now)
            arguments = {
                "now": now,
                "windows": raws,
                "remaining": [report.remaining for report in some],
                "resets_at": [False if report.resets_at is None else report.resets_at for report in some],
                "keep": keep_s,
                "lease": LEASE_S,
            }
            self._go("tighten", owners, [], arguments, Subject("", "", tuple(r.window for r in some)), None)

    async def sent(self) -> None:
        """Wait until it is known what came of all that was sent. Each has its end; that of all of them is SENT_S."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SENT_S
        while self._under_way and loop.time() < give_up_at:
            await asyncio.wait(self._under_way, timeout=give_up_at - loop.time())

    async def _learn(self, ending: Ending) -> tuple[Ending, dict[str, Any]]:
        """What the end taught, by what is counted now."""
        lessons, subject = self._mirror.lessons, ending.grant.claim.subject
        await self._watching.look([subject], ending.now, anew=True)
        before = self._lessons_of(subject.credential)
        unexplained = lessons.doubts.of(subject.credential)
        steps: list[list[Any]] = []
        places = {window.key: place for place, window in enumerate(subject.windows, 1)}

        def counter_of(window: Window, now: float) -> Counter:
            counter = self._mirror.counter_of(window, now)
            return cast(Counter, _Recorded(counter, places[window.key], steps))

        completion = learn(lessons, ending.grant, ending.completion, counter_of, ending.now)
        changed = {
            name: records.Raw(raw)
            for name, raw in self._lessons_of(subject.credential).items()
            if raw != before.get(name)
        }
        taught: dict[str, Any] = {"steps": steps, "lessons": changed}
        if (now_unexplained := lessons.doubts.of(subject.credential)) != unexplained:
            taught["unexplained"] = now_unexplained
        return replace(ending, completion=replace(completion, refused=())), taught

    def _lessons_of(self, credential: str) -> dict[str, bytes]:
        return {
            f"l{key}": records.encode(lesson)
            for key, lesson in self._mirror.lessons.items()
            if account_of(parse_window_key(key).scope) == credential
        }

    def _send(self, ending: Ending, taught: dict[str, Any]) -> None:
        owners, keys, arguments = self._asked(ending, taught)
        self._mirror.settled(ending.grant, ending.completion, ending.policy, ending.now)
        credential = ending.grant.claim.subject.credential
        service = provider_key(provider_of(credential))
        for block in ending.completion.blocks:
            if account_of(block.scope) not in (service, credential):
                self._close(block, ending.now)
        if self._mirror.is_closed_for_all(service) or any(
            b.scope == service for b in ending.completion.blocks
        ):
            self._member.everybody.tell_service(service)
        self._go("settle", owners, keys, arguments, ending.grant.claim.subject, ending)

    def _close(self, block: Block, now: float) -> None:
        """What is of another account."""
        owner = account_of(block.scope)
        mark = self._member.names.merged_of(owner, ids.uuid7())
        arguments = {
            "now": now,
            "mark": 3,
            "windows": [],
            "charges": [],
            "open": [],
            "blocks": [block],
            "lessons": {},
            "lease": LEASE_S,
        }
        self._go("merge", [owner], [mark], arguments, Subject(owner, owner), None)

    def _asked(self, ending: Ending, taught: dict[str, Any]) -> tuple[list[str], list[str], dict[str, Any]]:
        """The call: whose hashes, which further keys, and the arguments."""
        grant, completion = ending.grant, ending.completion
        claim, subject = grant.claim, grant.claim.subject
        spent = completion.spent
        if CONCURRENCY in claim.amounts:
            spent = {**spent, CONCURRENCY: 0}
        changed = {metric for metric, amount in spent.items() if amount != claim.amounts.get(metric, 0)}
        windows = subject.windows if taught else [w for w in subject.windows if w.metric in changed]
        owners = [*dict.fromkeys((subject.credential, *map(owner_of, windows)))]
        placed = [(window, 2 + owners.index(owner_of(window))) for window in windows]
        raws, keep_s = self._member.packer.pack(placed, ending.now)
        arguments = {
            "now": ending.now,
            "id": claim.id,
            "credential": subject.credential,
            "candidate": subject.candidate,
            "grants": 2 + len(owners),
            "windows": raws,
            "claimed": claim.amounts,
            "spent": spent,
            "at": grant.at,
            "health": completion.health,
            "latency_ms": completion.latency_ms,
            "ttfb_ms": completion.ttfb_ms,
            "blocks": [block for block in completion.blocks if account_of(block.scope) == subject.credential],
            "policy": ending.policy,
            "keep": keep_s,
            "lease": LEASE_S,
            "steps": [],
            "lessons": {},
            "probed": "",
            **taught,
        }
        return owners, [self._member.names.grants_of(subject.candidate)], arguments

    def _go(
        self,
        name: Any,
        owners: list[str],
        keys: list[str],
        arguments: dict[str, Any],
        subject: Subject,
        ending: Ending | None,
    ) -> None:
        answer = self._member.send(name, owners, keys, arguments)
        self._under_way.add(answer)

        def heard(done: "asyncio.Future[Any]") -> None:
            self._under_way.discard(done)
            error = None if done.cancelled() else done.exception()
            if error is None:
                if ending is not None and not done.cancelled() and done.result() == 1:
                    self.on_trip(subject.credential)
            elif isinstance(error, RefusedError):
                again = asyncio.ensure_future(self._again(name, owners, keys, arguments, subject, ending))
                self._under_way.add(again)
                again.add_done_callback(self._under_way.discard)
            else:
                if ending is not None:
                    self._member.keep_for_later(ending)
                self._member.leave(str(error))

        answer.add_done_callback(heard)

    async def _again(
        self,
        name: Any,
        owners: list[str],
        keys: list[str],
        arguments: dict[str, Any],
        subject: Subject,
        ending: Ending | None,
    ) -> None:
        """Refused, for a reason that can be mended: nothing was changed."""
        try:
            await mend(self._member, subject, arguments["now"])
            answer = await self._member.run(name, owners, keys, arguments)
        except AheadError:
            return
        except (LinkError, RefusedError, LostEpochError) as error:
            if ending is not None:
                self._member.keep_for_later(ending)
            self._member.leave(str(error) or "its counters were lost")
            return
        if ending is not None and answer == 1:
            self.on_trip(subject.credential)
