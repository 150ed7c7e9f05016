"""A bell that all processes hear: who has written something that others hold in memory rings, and they look. It says nothing else, and a
ring that is missed costs half a second, since they look anyway. By Redis' channels, which are those of all its databases."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry as NoRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger("freeai.state")

PATIENCE_S: Final = 0.25
QUIET_S: Final = 1.0
"""Who could not ring does not try again so soon: writing must not become slow where Redis is away."""
AGAIN_S: Final = 1.0
PING_S: Final = 10.0


class Bell:
    """Of one process, on the Redis at `url`. `ring` belongs to any thread, `listen` to an event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._channel = f"fa1:bell:{urlsplit(url).path.strip('/') or 0}"
        self._quiet_until = 0.0
        self._ringing = redis.Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0)
        )

    def ring(self) -> None:
        """Never raises, and waits for half a second at most."""
        if monotonic() < self._quiet_until:
            return
        try:
            self._ringing.publish(self._channel, b"")
        except (redis.RedisError, OSError) as error:
            self._quiet_until = monotonic() + QUIET_S
            log.debug("bell.not_rung", error=type(error).__name__)

    async def listen(self, rung: Callable[[], None]) -> None:
        """Call `rung` whenever anybody rings, and when it may have been missed. Until cancelled."""
        while True:
            try:
                await self._listen(rung)
            except (redis.RedisError, OSError) as error:
                log.debug("bell.not_heard", error=type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    async def _listen(self, rung: Callable[[], None]) -> None:
        """As long as the connection lasts. Raises RedisError, OSError."""
        client: Any = Redis.from_url(
            self._url, socket_connect_timeout=1.0, health_check_interval=PING_S, retry=NoRetry(NoBackoff(), 0)
        )
        async with client, aclosing(client.pubsub(ignore_subscribe_messages=True)) as heard:
            await heard.subscribe(self._channel)
            rung()
            while True:
                if await heard.get_message(timeout=PING_S) is not None:
                    rung()
