"""Who watches live traffic of a fleet: a sorted set in its Redis, of marks by when they end."""

from contextlib import suppress
from typing import Final

from redis import RedisError
from redis.asyncio import Redis

from apps.gateway.traffic.watchers import MARK_S

KEY: Final = "freeai:live:watched"
PATIENCE_S: Final = 1.0
MOST_GROUPS: Final = 1_000


class RedisWatchers:
    """See Watchers."""

    failures: tuple[type[Exception], ...] = (RedisError, OSError)

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            max_connections=4,
            decode_responses=True,
        )

    async def renew(self, group: str, now: float) -> None:
        """See Watchers."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zadd(KEY, {group: now + MARK_S})
            pipe.expire(KEY, round(6 * MARK_S))
            await pipe.execute()

    async def watched(self, now: float) -> frozenset[str]:
        """See Watchers."""
        found = await self._redis.zrangebyscore(KEY, now, "+inf", start=0, num=MOST_GROUPS)
        return frozenset(map(str, found))

    async def aclose(self) -> None:
        """See Watchers."""
        with suppress(*self.failures):  # it is the end, and there are others to be closed
            await self._redis.aclose()
