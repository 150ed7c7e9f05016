"""Who watches live traffic: marks that end by themselves ten seconds after they were last renewed. In one process a dict; in a fleet a
sorted set in Redis, which every process reads once a second."""

from typing import Final, Protocol

from django.conf import settings

MARK_S: Final = 10.0
EVERYBODY: Final = "all"


def group_of(user_id: int) -> str:
    """The name of those who see one user's requests; `EVERYBODY` of those who see all."""
    return f"user-{user_id}"


class Watchers(Protocol):
    """The groups that somebody watches. `now` is UTC epoch seconds. `failures`: what is raised here, and by Channels, while what carries
    them is away."""

    failures: tuple[type[Exception], ...]

    async def renew(self, group: str, now: float) -> None:
        """Somebody watches, for another MARK_S."""

    async def watched(self, now: float) -> frozenset[str]:
        """The groups with a mark."""

    async def aclose(self) -> None:
        """Give connections back."""


class LocalWatchers:
    """Of a single process."""

    failures: tuple[type[Exception], ...] = (OSError,)

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


def open_watchers() -> Watchers:
    """Of the fleet, where a Redis is named."""
    if not settings.FREEAI_REDIS_URL:
        return LocalWatchers()
    from apps.gateway.traffic.redis_watchers import RedisWatchers  # late: it loads Redis' client

    return RedisWatchers(settings.FREEAI_REDIS_URL)
