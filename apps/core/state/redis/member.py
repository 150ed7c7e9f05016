"""One process among those that share the counters: connected, or away and on its way back."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from time import time
from typing import Any, Final

import structlog

from apps.core import cancelling, clock, ids
from apps.core.state.contract import Claim, Grant, ReadPast, Window
from apps.core.state.keys import CONCURRENCY
from apps.core.state.redis import records
from apps.core.state.redis.away import Away, Place
from apps.core.state.redis.charges import RECENT_S, Charges
from apps.core.state.redis.ending import LEASE_S, Ending
from apps.core.state.redis.everybody import Everybody
from apps.core.state.redis.joining import come_back, join
from apps.core.state.redis.link import LinkError, RefusedError
from apps.core.state.redis.mirror import Mirror
from apps.core.state.redis.names import Names, owner_of
from apps.core.state.redis.packing import Packer
from apps.core.state.redis.scripts import Name
from apps.core.state.redis.session import AheadError, LostEpochError, Session

log = structlog.get_logger("freeai.state")

ALIVE_S: Final = 3.5
SEASONED_S: Final = 2.5
"""By then every other process knows of one that came."""
GONE_S: Final = 30.0
REMEMBERED_S: Final = 3.0
"""A list that was lost is not believed at once: who was there lately counts on."""
RENEW_S: Final = 15.0
FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 1.0
START_PATIENCE_S: Final = 30.0
MOST_ENDINGS: Final = 20_000
END_S: Final = 2.0


class UnreachableError(Exception):
    """No Redis answered when the process started."""


class Member:
    """`away` is None while Redis answers. `charges`: what the process took lately; `open`: its grants; `unknown`: claims to which no answer
    came, with when they were made; `in_sight`: the windows that are looked at."""

    def __init__(
        self, url: str, prefix: str, deadline_s: float, mirror: Mirror, packer: Packer, *, gather_s: float
    ) -> None:
        self._url, self.prefix, self._deadline_s = url, prefix, deadline_s
        self.gather_s = gather_s
        self.mirror, self.packer = mirror, packer
        self.session: Session | None = None
        self.away: Away | None = None
        self.read: ReadPast | None = None
        self.charges = Charges()
        self.open: dict[str, Grant] = {}
        self.unknown: deque[tuple[Claim, float]] = deque(maxlen=MOST_ENDINGS)
        self.endings: deque[Ending] = deque(maxlen=MOST_ENDINGS)
        self.settle: Callable[..., Coroutine[Any, Any, None]] | None = None
        self.in_sight: Callable[[], Iterable[Window]] = tuple
        self.on_trip: Callable[[str], None] = lambda _credential: None
        self.joined_at = time()
        self.name = f"{self.joined_at:017.3f}:{ids.uuid7()}"
        self.fleet: list[str] = [self.name]
        self._seen: dict[str, float] = {}
        self._renewed_at = 0.0
        self.turn = 0
        self._starting = asyncio.Lock()
        self._returning: asyncio.Task[None] | None = None
        self.everybody = Everybody(self)

    @property
    def is_there(self) -> bool:
        """Whether Redis may be asked."""
        return self.away is None and self.session is not None and self.session.is_joined

    @property
    def is_seasoned(self) -> bool:
        """Whether every other process knows of this one."""
        return self.fleet == [self.name] or time() - self.joined_at >= SEASONED_S

    @property
    def names(self) -> Names:
        """Of the epoch that it is in. Raises LinkError."""
        return self.connected().names

    def connected(self) -> Session:
        """Raises LinkError where there was never a connection."""
        if self.session is None:
            raise LinkError("not connected")
        return self.session

    def new_session(self) -> Session:
        """A connection that is to be opened."""
        return Session(self._url, self.prefix, self._deadline_s)

    async def run(self, name: Name, owners: list[str], keys: list[str], arguments: Any) -> Any:
        """Run a script. Raises LinkError, LostEpochError, AheadError."""
        answer = await self.connected().run(name, owners, keys, arguments)
        return records.decode(answer) if isinstance(answer, bytes) else answer

    def send(self, name: Name, owners: list[str], keys: list[str], arguments: Any) -> "asyncio.Future[Any]":
        """The same, without waiting."""
        return self.connected().send(name, owners, keys, arguments)

    async def ready(self) -> Away | None:
        """Connect and join, where nobody has yet. Returns what goes on without Redis, where that must be."""
        async with self._starting:
            if not self.is_there and self.away is None:
                if self.session is not None and self.session.names.epoch:
                    self.leave("the connection is gone")
                else:
                    try:
                        await self._start(clock.now())
                    except LinkError as error:
                        self.leave(str(error))
        return self.away

    async def look_in(self) -> bool:
        """Join those that are there, if any are; whether Redis may be asked."""
        async with self._starting:
            if not self.is_there and self.away is None:
                with suppress(LinkError, RefusedError):
                    session = await self._opened()
                    await session.find_epoch()
        return self.is_there

    async def restore(self, read: ReadPast, now: float) -> None:
        """Join those that are there, or begin with what `read` tells. Raises UnreachableError where no Redis answers in time."""
        async with self._starting:
            self.read = read
            if self.is_there or self.away is not None:
                return
            end = asyncio.get_running_loop().time() + START_PATIENCE_S
            while True:
                try:
                    await self._start(now)
                    return
                except (LinkError, RefusedError) as error:
                    if asyncio.get_running_loop().time() > end:
                        raise UnreachableError(
                            f"Redis keeps the quotas (FREEAI_STATE) and does not answer: {error}"
                        ) from error
                    log.warning("state.redis_awaited", detail=str(error))
                    await asyncio.sleep(LONGEST_WAIT_S)

    async def _opened(self) -> Session:
        """The connection that is not yet used for anything. Raises LinkError, RefusedError."""
        if self.session is None or not self.session.link.is_open:
            session = self.new_session()
            await session.open()
            self.session = session
        return self.session

    async def _start(self, now: float) -> None:
        await join(self, await self._opened(), now)
        await self.beat()

    def leave(self, why: str) -> None:
        """Go on alone, and try to come back."""
        if self.away is None:
            log.error("state.redis_away", detail=why, processes=len(self.fleet))
            self.away = Away(self.mirror, self._place(), self.charges, self.read, clock.now())
            self.away.tell_trips(self.on_trip)
        if self.session is not None:
            self.session.link.close(why)
        if self._returning is None or self._returning.done():
            self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        wait_s = FIRST_WAIT_S
        while self.away is not None:
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            session = self.new_session()
            try:
                await session.open()
                await come_back(self, session)
            except (LinkError, RefusedError, LostEpochError, AheadError) as error:
                log.info("state.redis_still_away", detail=str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the ledger may be away too: whatever it is, it is tried again
                log.error("state.rebuild_failed", error=type(error).__name__)
            finally:
                if self.session is not session:
                    session.link.close()

    def _place(self) -> Place:
        if self.name not in self.fleet:
            return Place(len(self.fleet) + 1, None)
        return Place(len(self.fleet), self.fleet.index(self.name) if self.is_seasoned else None)

    def note(self, claim: Claim, now: float) -> None:
        """A claim was granted."""
        self.open[claim.id] = Grant(claim, now)
        self.charges.add(claim.subject.windows, claim.amounts, now)

    def keep_for_later(self, ending: Ending) -> None:
        """Redis is told when it is back."""
        self.endings.append(ending)

    async def whole(self, owner: str) -> dict[str, bytes]:
        """All fields of a hash. Raises LinkError."""
        session = self.connected()
        flat = await session.link.call("HGETALL", session.names.hash_of(owner))
        return {name.decode(): raw for name, raw in zip(flat[::2], flat[1::2], strict=True)}

    async def beat(self) -> None:
        """Say that this process lives, renew what it has under way, and see who else is there. Raises LinkError,
        LostEpochError."""
        session = self.session
        if session is None:
            return
        key, now = session.names.of_all("processes"), time()
        link = session.link
        link.call("ZADD", key, now, self.name)
        link.call("ZREMRANGEBYSCORE", key, "-inf", now - GONE_S)
        self._renew(now)
        there, epoch = await asyncio.gather(
            link.call("ZRANGEBYSCORE", key, now - ALIVE_S, "+inf"), session.running()
        )
        if epoch != session.names.epoch:
            raise LostEpochError  # it was emptied, and so was the list of those that live
        self._seen |= dict.fromkeys((name.decode() for name in there), now)
        self._seen = {name: at for name, at in self._seen.items() if now - at < REMEMBERED_S}
        self.fleet = sorted(self._seen)

    def _renew(self, now: float) -> None:
        """Long answers outlive a lease."""
        if now - self._renewed_at < RENEW_S:
            return
        self._renewed_at = now
        session = self.connected()
        held: dict[str, tuple[Window, list[str]]] = {}
        for grant in self.open.values():
            key = session.names.grants_of(grant.claim.subject.candidate)
            session.link.call("ZADD", key, "XX", now + LEASE_S, grant.claim.id)
            for window in grant.claim.subject.windows:
                if window.metric == CONCURRENCY:
                    held.setdefault(window.key, (window, []))[1].append(grant.claim.id)
        for window, holders in held.values():
            raws, keep_s = self.packer.pack([(window, 2)], now)
            arguments = {
                "now": clock.now(),
                "windows": raws,
                "ids": [holders],
                "lease": LEASE_S,
                "keep": keep_s,
            }
            self.send("renew", [owner_of(window)], [], arguments)

    def tidy(self, now: float) -> None:
        """Forget what is in the ledger by now."""
        self.charges.forget(now - RECENT_S - 1)

    async def aclose(self) -> None:
        """Leave the others."""
        if self._returning is not None:
            await cancelling.end([self._returning], END_S)
        if self.session is not None:
            if self.is_there:
                self.session.link.call("ZREM", self.names.of_all("processes"), self.name)
            await self.session.link.aclose()
