"""Who watches live traffic: marks that end by themselves ten seconds after they were last renewed. In one process a dict; in a fleet a
sorted set in Redis, which every process reads once a second."""

from typing import Final, Protocol

from django.conf import settings
from redis.asyncio import Redis

MARK_S: Final = 10.0
EVERYBODY: Final = "all"
KEY: Final = "freeai:live:watched"
PATIENCE_S: Final = 1.0
MOST_GROUPS: Final = 1_000


def group_of(user_id: int) -> str:
    """The name of those who see one user's requests; `EVERYBODY` of those who see all."""
    return f"user-{user_id}"


class Watchers(Protocol):
    """The groups that somebody watches. `now` is UTC epoch seconds."""

    async def renew(self, group: str, now: float) -> None:
        """Somebody watches, for another MARK_S."""

    async def watched(self, now: float) -> frozenset[str]:
        """The groups with a mark."""

    async def aclose(self) -> None:
        """Give connections back."""


class LocalWatchers:
    """Of a single process."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    async def renew(self, group: str, now: float) -> None:
        """See Watchers."""
        self._until[group] = now + MARK_S

    async def watched(self, now: float) -> frozenset[str]:
        """See Watchers."""
        self._until = {group: until for group, until in self._until.items() if until > now}
        return frozenset(self._until)

    async def aclose(self) -> None:
        """See Watchers."""


class RedisWatchers:
    """Of a fleet. Raises redis.RedisError and OSError while Redis is away."""

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
        await self._redis.aclose()


def open_watchers() -> Watchers:
    """Of the fleet, where a Redis is named."""
    return RedisWatchers(settings.FREEAI_REDIS_URL) if settings.FREEAI_REDIS_URL else LocalWatchers()
