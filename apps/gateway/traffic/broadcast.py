"""Live traffic of this process, to those who watch it: four times a second what has changed, in one message a group.

Where nobody watches, no attempt is listened to: the loop looks once a second whether anybody does. What is told holds names and figures,
never a word of a prompt or an answer.
"""

import asyncio
import os
import secrets
from typing import Any, Final

import msgspec
import structlog
from channels.layers import get_channel_layer

from apps.analytics.events import UsageEvent
from apps.clients.keys import CLIENTS
from apps.core import clock
from apps.core.json_types import JSONObject
from apps.gateway.runtime import Runtime
from apps.gateway.traffic.choosing import Chooser
from apps.gateway.traffic.feed import Step
from apps.gateway.traffic.seen import Gathering, Seen
from apps.gateway.traffic.watchers import EVERYBODY, Watchers, group_of

log = structlog.get_logger("freeai.gateway")

NAME: Final = "live"
MESSAGE: Final = "traffic.told"
"""The name of a message between processes, as Channels has them: the method `traffic_told` of who receives it."""
LOOK_S, FLUSH_S, PULSE_S, SEND_S = 1.0, 0.25, 2.0, 2.0
MOST_CHANGED: Final = 4_000


class Broadcast:
    """The one of a process. `run` is its loop."""

    def __init__(self, runtime: Runtime, watchers: Watchers) -> None:
        self._runtime = runtime
        self._watchers = watchers
        self._layer: Any = get_channel_layer()
        self._process = f"{os.getpid()}-{secrets.token_hex(3)}"
        self._watched: frozenset[str] = frozenset()
        self._gathering = Gathering()
        self._changed: dict[str, Seen] = {}
        self._rest = 0
        self._chooser = Chooser()
        self._names = _Names()

    async def run(self) -> None:
        """Look, and tell while somebody watches."""
        try:
            while True:
                await self._look()
                if not self._watched:
                    await asyncio.sleep(LOOK_S)
                    continue
                for _ in range(round(LOOK_S / FLUSH_S)):
                    await asyncio.sleep(FLUSH_S)
                    await self._tell()
        finally:
            self._runtime.feed.remove(self._note)

    async def _look(self) -> None:
        try:
            watched = await self._watchers.watched(clock.now())
            self._runtime.is_redis_away = False
        except self._watchers.failures as error:
            log.warning("live.redis_away", error=type(error).__name__)
            self._runtime.is_redis_away = True
            watched = frozenset()
        if watched and not self._watched:
            self._runtime.feed.add(self._note)
        elif self._watched and not watched:
            self._runtime.feed.remove(self._note)
            self._gathering, self._chooser = Gathering(), Chooser()
            self._changed.clear()
        self._watched = watched

    def _note(self, step: Step, event: UsageEvent) -> None:
        """Within an attempt: only take it down."""
        if EVERYBODY not in self._watched and group_of(event.user_id) not in self._watched:
            return
        seen = self._gathering.take(step, event)
        if len(self._changed) < MOST_CHANGED or seen.id in self._changed:
            self._changed[seen.id] = seen
        else:
            self._rest += 1

    async def _tell(self) -> None:
        changed, self._changed = self._changed, {}
        told = [self._names.named(seen) for seen in changed.values()]
        chosen, rest = self._chooser.choose(told, clock.monotonic())
        rest, self._rest = rest + self._rest, 0
        for group in self._watched:
            own = [one for one in chosen if group in (EVERYBODY, group_of(one["user"]))]
            message = {
                "type": MESSAGE,
                "from": self._process,
                "requests": own,
                "rest": rest if group == EVERYBODY else 0,
            }
            if own or rest or self._is_due():
                await self._send(group, message)

    def _is_due(self) -> bool:
        """A word that we are there, every PULSE_S."""
        return clock.monotonic() % PULSE_S < FLUSH_S

    async def _send(self, group: str, message: JSONObject) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self._layer.group_send(f"live.{group}", message)
        except self._watchers.failures as error:
            log.warning("live.not_told", error=type(error).__name__)


class _Names:
    """The names of client keys, by id; read anew when a key changes."""

    def __init__(self) -> None:
        self._keys: object = None
        self._by_id: dict[int, str] = {}

    def named(self, seen: Seen) -> JSONObject:
        """The request with the name of its key: none for one of the playground."""
        if CLIENTS.loaded and CLIENTS.value is not self._keys:
            self._keys = CLIENTS.value
            self._by_id = {record.client_id: record.name for record in CLIENTS.value.by_digest.values()}
        body: JSONObject = msgspec.to_builtins(seen)
        body["client_name"] = self._by_id.get(seen.client or 0, f"#{seen.client}") if seen.client else ""
        return body
