"""The looks at Redis that nobody waits for: at what requests are ranked by, at what concerns all, and at who else is there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Final

import structlog

from apps.core import cancelling, clock
from apps.core.state.contract import Subject, Window
from apps.core.state.redis import records
from apps.core.state.redis.link import LinkError, RefusedError
from apps.core.state.redis.member import Member
from apps.core.state.redis.mending import BACK_S, mend
from apps.core.state.redis.mirror import Mirror, fields_of
from apps.core.state.redis.names import owner_of, tag_of
from apps.core.state.redis.session import AheadError, LostEpochError

log = structlog.get_logger("freeai.state")

POLL_S: Final = 0.1
BEAT_S: Final = 1.0
ASKED_S: Final = 1.0
"""What was asked for so lately is looked at with each look, the rest once a second."""
END_S: Final = 2.0
KNOWN_S: Final = 60.0
"""What nobody has asked for so long is not looked at any more, and not believed to be known."""
AT_ONCE: Final = 50
MOST: Final = 20_000


class Watching:
    """Of one process."""

    def __init__(self, member: Member, mirror: Mirror, fresh_s: float) -> None:
        self._member = member
        self._mirror = mirror
        self._fresh_s = fresh_s
        self._asked: dict[tuple[str, str], tuple[Subject, float]] = {}
        self._looked: dict[str, float] = {}
        self._loops: list[asyncio.Task[None]] = []
        member.in_sight = self._windows

    def start(self) -> None:
        """Keep looking."""
        if not self._loops:
            self._loops = [
                asyncio.create_task(self._keep(POLL_S, self._poll)),
                asyncio.create_task(self._keep(BEAT_S, self._beat)),
            ]

    async def aclose(self) -> None:
        await cancelling.end(self._loops, END_S)

    async def look(self, subjects: Sequence[Subject], now: float, *, anew: bool = False) -> None:
        """Look at those of them at which nobody has looked lately; at all if `anew`."""
        moment = monotonic()
        stale = []
        for subject in subjects:
            self._asked[subject.credential, subject.candidate] = (subject, moment)
            if anew or moment - self._looked.get(subject.candidate, -1e9) >= self._fresh_s:
                stale.append(subject)
        if stale:
            await self._look(stale, now)

    def keep_in_sight(self, windows: Sequence[Window]) -> None:
        """Look at the windows of a client key from now on."""
        owner = owner_of(windows[0])
        self._asked[owner, ""] = (Subject(owner, "", tuple(windows)), monotonic())

    async def look_at(self, windows: Sequence[Window], now: float) -> None:
        """Look at single windows, of whomever."""
        by_owner: dict[str, list[Window]] = {}
        for window in windows:
            by_owner.setdefault(owner_of(window), []).append(window)
        await self._look([Subject(owner, "", tuple(some)) for owner, some in by_owner.items()], now)

    def _windows(self) -> list[Window]:
        named = {window.key: window for subject, _ in self._asked.values() for window in subject.windows}
        return [*named.values()]

    async def _look(self, subjects: Sequence[Subject], now: float) -> None:
        by_tag: dict[str, list[Subject]] = {}
        for subject in subjects:
            by_tag.setdefault(tag_of(subject.credential), []).append(subject)
        try:
            for some in by_tag.values():
                for place in range(0, len(some), AT_ONCE):
                    await self._look_at_once(some[place : place + AT_ONCE], now)
        except LinkError as error:
            self._member.leave(str(error))
        except LostEpochError:
            self._member.leave("its counters were lost")
        except AheadError:
            pass  # another look is not far

    async def _look_at_once(self, subjects: Sequence[Subject], now: float) -> None:
        """A few of one user, in one call."""
        names: dict[str, dict[str, None]] = {}
        for subject in subjects:
            for owner, fields in fields_of(subject).items():
                names.setdefault(owner, {}).update(dict.fromkeys(fields))
        owners = [*names]
        candidates = [subject.candidate for subject in subjects if subject.candidate]
        arguments = {
            "now": now,
            "hashes": [[place, [*names[owner]]] for place, owner in enumerate(owners, 2)],
            "grants": [*range(2 + len(owners), 2 + len(owners) + len(candidates))],
        }
        keys = [self._member.names.grants_of(candidate) for candidate in candidates]
        packed, values = await self._member.run("look", owners, keys, arguments)
        lengths, counts = records.decode(packed)
        moment, start, index = monotonic(), 0, 0
        for owner in owners:
            raws: list[bytes | None] = []
            for _ in names[owner]:
                length = lengths[index]
                index += 1
                raws.append(values[start : start + length] if length >= 0 else None)
                start += max(length, 0)
            self._mirror.load(owner, names[owner], raws, now)
        for candidate, count in zip(candidates, counts, strict=True):
            self._mirror.count_open(candidate, count)
            self._looked[candidate] = moment
        await self._mend(owners, subjects, now)

    async def _mend(self, owners: Iterable[str], subjects: Sequence[Subject], now: float) -> None:
        for owner in owners:
            latest = self._mirror.written_at(owner)
            if latest is not None and now < latest - BACK_S:
                concerned = next(s for s in subjects if owner in fields_of(s))
                await mend(self._member, concerned, now)
                await self._look_at_once(subjects, now)
                return

    async def _keep(self, pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
        """Again and again, whatever becomes of it."""
        while True:
            await asyncio.sleep(pause_s)
            try:
                await work()
            except (LinkError, RefusedError) as error:
                self._member.leave(str(error))
            except LostEpochError:
                self._member.leave("its counters were lost")
            except Exception as error:  # noqa: BLE001 - who does not look and says nothing is believed to be dead
                log.error("state.watch_failed", error=type(error).__name__)

    async def _poll(self) -> None:
        if not self._member.is_there:
            if self._member.away is None:
                self._member.leave("the connection is gone")
            return
        now, moment = clock.now(), monotonic()
        if len(self._looked) > MOST:
            self._looked.clear()
        await self._look([subject for subject, at in self._asked.values() if moment - at < ASKED_S], now)
        await self._member.everybody.hear(now)

    def _lose_sight(self) -> None:
        """Of what nobody asks for, the oldest first where it is too much."""
        moment = monotonic()
        newest = sorted(self._asked.items(), key=_when_asked, reverse=True)
        kept = {key: known for key, known in newest[:MOST] if moment - known[1] < KNOWN_S}
        for key, (subject, _) in newest:
            if key not in kept:
                self._mirror.lose_sight(subject)
        self._asked = kept

    async def _beat(self) -> None:
        now = clock.now()
        self._member.tidy(now)
        if self._member.away is None:  # else nothing is to be forgotten: it is all that is known
            self._mirror.tidy(now)
            self._lose_sight()
        if self._member.is_there:
            await self._look([subject for subject, _ in self._asked.values()], now)
        if self._member.is_there:
            await self._member.beat()


def _when_asked(item: tuple[tuple[str, str], tuple[Subject, float]]) -> float:
    return item[1][1]
