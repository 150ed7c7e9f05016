"""What belongs to no user: clocks of providers, providers that are closed for everybody, and what is done to all accounts of one."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from apps.core.state.keys import provider_key, provider_of
from apps.core.state.redis import records
from apps.core.state.redis.link import LinkError, RefusedError
from apps.core.state.redis.session import AheadError, LostEpochError, Session

if TYPE_CHECKING:
    from apps.core.state.redis.member import Member

AT_ONCE: Final = 500
MOST_RESETS: Final = 1000


class Everybody:
    """As one process tells it, and hears of it. `resets`: those that Redis has still to be told."""

    def __init__(self, member: "Member") -> None:
        self._member = member
        self._mirror = member.mirror
        self._told: dict[tuple[str, str], bytes] = {}
        self.resets: deque[tuple[str, float]] = deque(maxlen=MOST_RESETS)

    async def reset(self, owner: str, before: float) -> None:
        """Of an account, or of every one of a provider; once Redis is back, where it is away."""
        if not self._member.is_there:
            self.resets.append((owner, before))
            return
        session = self._member.connected()
        names = session.names
        service = provider_key(provider_of(owner))
        try:
            owners = [owner] if owner != service else await self._accounts(session, provider_of(owner))
            for one in owners:
                await self._member.run("reset", [one], [], {"now": 0.0, "before": min(before, 1e15)})
            if not self._mirror.is_closed_for_all(service):
                await session.link.call("HDEL", names.of_all("services"), service)
        except (LinkError, RefusedError, LostEpochError, AheadError):
            self.resets.append((owner, before))

    async def catch_up(self) -> None:
        """Do what could not be done without Redis: accounts that were reset, providers that are closed for everybody. Raises LinkError."""
        for owner, before in [self.resets.popleft() for _ in range(len(self.resets))]:
            await self.reset(owner, before)
        for service in self._mirror.services():
            self.tell_service(service)

    async def _accounts(self, session: Session, provider: str) -> list[str]:
        """The accounts of a provider that anything is kept of."""
        names = session.names
        found: list[str] = []
        cursor: Any = 0
        pattern = f"{self._member.prefix}:*:{names.epoch}:*:{provider}"
        while True:
            cursor, keys = await session.link.call("SCAN", cursor, "MATCH", pattern, "COUNT", AT_ONCE)
            mark = f":{names.epoch}:"
            found += (key.decode().partition(mark)[2] for key in keys)
            if int(cursor) == 0:
                return [owner for owner in found if provider_of(owner) == provider]

    def tell(self, what: str, field: str, value: Any) -> None:
        """Of no user: a provider's clock, or that it is closed for everybody."""
        raw = records.encode(value)
        if (
            self._member.is_there
            and self._member.session is not None
            and self._told.get((what, field)) != raw
        ):
            self._told[what, field] = raw
            self._member.session.link.call("HSET", self._member.names.of_all(what), field, raw)

    def tell_service(self, service: str) -> None:
        """What closes a provider for everybody, or that nothing does."""
        told = self._mirror.service_of(service)
        if told is not None:
            self.tell("services", service, told)
        elif self._member.session is not None:
            self._told.pop(("services", service), None)
            self._member.session.link.call("HDEL", self._member.names.of_all("services"), service)

    async def hear(self, now: float) -> None:
        """What others told of providers, and whether the epoch still runs. Raises LinkError, LostEpochError."""
        session = self._member.session
        if session is None:
            return
        epoch = session.names.epoch
        skews, services, _ = await asyncio.gather(
            session.link.call("HGETALL", session.names.of_all("skews")),
            session.link.call("HGETALL", session.names.of_all("services")),
            self._check(session, epoch),
        )
        for field, raw in zip(skews[::2], skews[1::2], strict=True):
            if self._told.get(("skews", field.decode())) != raw:
                self._told["skews", field.decode()] = raw
                await self._mirror.set_clock(field.decode(), records.decode_skew(raw), now)
                self._member.packer.forget()
        self._mirror.load_services(
            {field.decode(): raw for field, raw in zip(services[::2], services[1::2], strict=True)}
        )

    async def _check(self, session: Session, epoch: str) -> None:
        if await session.running() != epoch:
            raise LostEpochError
