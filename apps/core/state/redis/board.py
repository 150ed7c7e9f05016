"""What the processes of a fleet tell each other: a hash a topic, with a field for each process that ends with it."""

from time import time
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from apps.core import ids
from apps.core.state.redis.names import VERSION, Names

PATIENCE_S: Final = 0.25
FORGOTTEN_S: Final = 60.0
STAMP: Final = 8
"""Bytes in front of what is told: when, in microseconds of UTC."""


class RedisBoard:
    """Of one process, on the Redis at `url`. Raises redis.RedisError and OSError while that is away."""

    def __init__(self, url: str) -> None:
        self._name = ids.uuid7()
        self._names = Names(VERSION, "")
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            max_connections=2,
            retry=Retry(NoBackoff(), 0),
        )

    async def exchange(self, topic: str, told: bytes, fresh_s: float) -> list[bytes]:
        """Tell it, instead of what this process told before; returns what others told within `fresh_s`, by their clocks."""
        key, now = self._names.of_all(f"board:{topic}"), time()
        stamped = round(now * 1e6).to_bytes(STAMP) + told
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, self._name, stamped)
            pipe.expire(key, round(FORGOTTEN_S))
            pipe.hgetall(key)
            _, _, found = await pipe.execute()
        found.pop(self._name.encode(), None)
        ages = {name: now - int.from_bytes(raw[:STAMP]) / 1e6 for name, raw in found.items()}
        if gone := [name for name, age in ages.items() if age > FORGOTTEN_S]:
            await self._redis.hdel(key, *gone)
        return [raw[STAMP:] for name, raw in found.items() if abs(ages[name]) <= fresh_s]

    async def aclose(self) -> None:
        """Give connections back."""
        await self._redis.aclose()
