"""The connection of a process, and which life of the counters it is in.

Redis may be started anew with an old snapshot, fail over to a replica that missed something, or be emptied. Each of that begins another
epoch: the server's `run_id` is another, or the key of the epoch is gone. Counters are then rebuilt under new names, by one process under a
lock; scripts of the old epoch are refused from the first on.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from apps.core.state.redis.link import Link, LinkError, RefusedError
from apps.core.state.redis.names import Names, tag_of
from apps.core.state.redis.packing import encode
from apps.core.state.redis.scripts import Name

log = structlog.get_logger("freeai.state")

LOCK_MS: Final = 10_000
RENEW_S: Final = 2.0
ASK_AGAIN_S: Final = 0.05
DAY_S: Final = 86_400
TAG_LASTS_S: Final = 40 * DAY_S
GATHER_S: Final = 2.0
UNLOCK: Final = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call(unpack(ARGV, 2)) end return 0"
)
"""What the lock's owner may do, and nobody else."""


class LostEpochError(Exception):
    """The counters that this process knows are not there any more."""


class AheadError(Exception):
    """The clock went back since one of the hashes was written."""


class Session:
    """Made anew for each connection. `known`: the names of the processes that shared the counters before."""

    def __init__(self, url: str, prefix: str, deadline_s: float) -> None:
        self.link = Link(url, deadline_s)
        self._prefix = prefix
        self._tags: set[tuple[str, str]] = set()
        self.names = Names(prefix, "")
        self.known: set[bytes] = set()

    @property
    def is_joined(self) -> bool:
        """Whether scripts may be run."""
        return bool(self.names.epoch) and self.link.is_open

    async def open(self) -> None:
        """Raises LinkError, RefusedError."""
        await self.link.open()
        await self._look_at_eviction()

    async def _look_at_eviction(self) -> None:
        """A server that evicts keys loses counters in silence. Some do not say."""
        try:
            said = await self.link.call("CONFIG", "GET", "maxmemory-policy")
        except RefusedError:
            return
        policy = said[1].decode() if len(said) > 1 else "noeviction"
        if policy != "noeviction":
            log.error("state.redis_evicts", policy=policy)

    async def running(self) -> str:
        """The epoch that runs on this server, "" where none does. Raises LinkError."""
        return await self._said("epoch")

    async def find_epoch(self) -> bool:
        """Take over the epoch that runs; whether one does. Raises LinkError."""
        epoch = await self.running()
        if epoch and epoch != self.names.epoch:
            self._tags.clear()
            self.names = Names(self._prefix, epoch)
        return bool(epoch)

    async def next_names(self) -> Names | None:
        """Of counters that are being made."""
        epoch = await self._said("next")
        return Names(self._prefix, epoch) if epoch else None

    async def rebuild(
        self, build: Callable[[Names], Awaitable[set[str]]], wait: Callable[[], Awaitable[None]]
    ) -> bool:
        """Let one process begin an epoch where none runs: `build` writes what it begins with, and returns whose counters those are. The
        others `wait` meanwhile, again and again. Returns whether it was this process. Raises LinkError, and what `build` and `wait`
        raise."""
        lock, token = self.names.of_all("lock"), secrets.token_hex(8)
        while not await self.find_epoch():
            if await self.link.call("SET", lock, token, "NX", "PX", LOCK_MS) is None:
                await wait()
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            renewing = asyncio.create_task(self._renew(lock, token))
            try:
                if await self.find_epoch():  # who had the lock before may just have done it
                    return False
                if await self._begin(build, wait, lock, token):
                    return True
            finally:
                renewing.cancel()
                self.link.call("EVAL", UNLOCK, 1, lock, token, "DEL", lock)
        return False

    async def _begin(
        self,
        build: Callable[[Names], Awaitable[set[str]]],
        wait: Callable[[], Awaitable[None]],
        lock: str,
        token: str,
    ) -> bool:
        names = Names(self._prefix, secrets.token_hex(6))
        tags = await build(names)
        for tag in tags:
            await self.link.call("SET", names.epoch_of(tag), names.epoch, "EX", TAG_LASTS_S)
        said = f"{self.link.run_id} {names.epoch}"
        await self.link.call("SET", names.of_all("next"), said, "PX", LOCK_MS)
        await wait()
        await self._gather(names)
        key = names.of_all("epoch")
        if not await self.link.call("EVAL", UNLOCK, 1, lock, token, "SET", key, said):
            return False
        self.names = names
        self._tags |= {(names.epoch, tag) for tag in tags}
        return True

    async def _gather(self, names: Names) -> None:
        """Until all that are known to live have added what they took, or did not in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + GATHER_S
        added = names.of_all(f"added:{names.epoch}")
        await self.link.call("EXPIRE", added, DAY_S)
        while loop.time() < end:
            there = {*await self.link.call("ZRANGE", names.of_all("processes"), 0, -1), *self.known}
            if not there - set(await self.link.call("SMEMBERS", added)):
                return
            await asyncio.sleep(ASK_AGAIN_S)

    async def _said(self, what: str) -> str:
        said = await self.link.call("GET", self.names.of_all(what))
        run_id, _, epoch = (said or b"").decode().partition(" ")
        return epoch if run_id == self.link.run_id else ""

    async def _renew(self, lock: str, token: str) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            self.link.call("EVAL", UNLOCK, 1, lock, token, "PEXPIRE", lock, LOCK_MS)

    def send(
        self, name: Name, owners: list[str], keys: list[str], arguments: Any, *, names: Names | None = None
    ) -> "asyncio.Future[Any]":
        """Run a script on the hashes of `owners` and on `keys`, all of one user; `names`: of another epoch than that which runs. The
        future raises LinkError, or RefusedError."""
        names = names or self.names
        hashes = [names.hash_of(owner) for owner in owners]
        epoch = names.epoch_of(tag_of(owners[0]))
        return self.link.run(name, [epoch, *hashes, *keys], names.epoch, encode(arguments))

    async def run(
        self, name: Name, owners: list[str], keys: list[str], arguments: Any, *, names: Names | None = None
    ) -> Any:
        """The same, awaited. A user who was not there before joins the epoch. Raises LinkError, LostEpochError, AheadError."""
        names = names or self.names
        whose = (names.epoch, tag_of(owners[0]))
        for _ in range(3):
            was_in = whose in self._tags
            try:
                return await self.send(name, owners, keys, arguments, names=names)
            except RefusedError as refusal:
                if refusal.code == "AHEAD":
                    raise AheadError from refusal
                if refusal.code == "NOSCRIPT":
                    await self.link.load()
                elif refusal.code != "NOEPOCH":
                    log.error("state.refused", script=name, detail=str(refusal))
                    raise LinkError(str(refusal)) from refusal
                elif was_in or not await self._admit(*whose):
                    raise LostEpochError from refusal
        raise LostEpochError

    async def _admit(self, epoch: str, tag: str) -> bool:
        """Let a user who was not there when the epoch began be in it; False where the epoch itself is gone."""
        if epoch not in (await self._said("epoch"), await self._said("next")):
            return False
        if (epoch, tag) not in self._tags:
            self._tags.add((epoch, tag))
            key = Names(self._prefix, epoch).epoch_of(tag)
            await self.link.call("SET", key, epoch, "EX", TAG_LASTS_S)
        return True
