"""Answers that clients refer to later, of a fleet: in its Redis, so that any process finds them. While Redis is away each process keeps for
itself, as one without Redis does, and finds what it kept itself."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

import structlog
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from apps.gateway.kept_answers import (
    KEPT_S,
    MOST_BYTES,
    MOST_OF_ONE,
    KeptAnswers,
    Part,
    sealed,
    size_of,
    unsealed,
)

log = structlog.get_logger("freeai.gateway")

SCRIPT: Final = Path(__file__).with_suffix(".lua").read_text("utf-8")
PATIENCE_S: Final = 1.0
QUIET_S: Final = 1.0
"""Who got no answer does not ask again so soon: clients wait meanwhile."""
AT_ONCE: Final = 200
MOST_CONNECTIONS: Final = 8
FAILURES: Final = (RedisError, OSError)


class KeptInRedis:
    """See `kept_answers.Answers`. On the Redis at `url`; bounds are those of all processes together."""

    def __init__(
        self,
        url: str,
        most_bytes: int = MOST_BYTES,
        most_of_one: int = MOST_OF_ONE,
        *,
        prefix: str = "fa1",
    ) -> None:
        self._most_bytes, self._most_of_one = most_bytes, most_of_one
        self._root = f"{prefix}:{{kept}}:"
        self._own = KeptAnswers(most_bytes, most_of_one)
        self._quiet_until = 0.0
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            max_connections=MOST_CONNECTIONS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script: Any = self._redis.register_script(SCRIPT)

    def fits(self, parts: Sequence[bytes]) -> bool:
        """See Answers."""
        return self._own.fits(parts)

    async def put(self, client_id: int, answer_id: str, parts: Sequence[bytes], now: float) -> None:
        """See Answers."""
        closed = await sealed(client_id, answer_id, parts)
        if await self._run("put", now, client_id, answer_id, size_of(parts), now + KEPT_S, *closed) is None:
            await self._own.put(client_id, answer_id, parts, now)

    async def get(self, client_id: int, wanted: Sequence[Part], now: float) -> list[bytes | None]:
        """See Answers."""
        found = await self._own.get(client_id, wanted, now)
        missed = [place for place, part in enumerate(found) if part is None]
        for first in range(0, len(missed), AT_ONCE):
            places = missed[first : first + AT_ONCE]
            for place, part in zip(
                places, await self._look(client_id, [wanted[each] for each in places], now), strict=True
            ):
                found[place] = part
        return found

    async def drop(self, client_id: int, answer_id: str, now: float) -> bool:
        """See Answers."""
        was_own = await self._own.drop(client_id, answer_id, now)
        return bool(await self._run("drop", now, client_id, answer_id)) or was_own

    async def size(self, now: float) -> int:
        """See Answers."""
        return await self._own.size(now) + int(await self._run("size", now) or 0)

    async def run(self) -> None:
        """See Answers; at the end connections are given back."""
        try:
            await self._own.run()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Give connections back."""
        with suppress(*FAILURES):
            await self._redis.aclose()

    async def _look(self, client_id: int, wanted: Sequence[Part], now: float) -> list[bytes | None]:
        """None for what is not there, or cannot be had."""
        nothing: list[bytes | None] = [None] * len(wanted)
        if monotonic() < self._quiet_until:
            return nothing
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for answer_id, part in wanted:
                    pipe.hmget(f"{self._root}a:{client_id}:{answer_id}", "until", part)
                found = await pipe.execute()
        except FAILURES as error:
            self._failed(error)
            return nothing
        raw = [part if part and float(until or 0) > now else None for until, part in found]
        return await unsealed(client_id, wanted, raw)

    async def _run(self, act: str, now: float, *more: Any) -> int | None:
        """The script's answer, None where there is none."""
        if monotonic() < self._quiet_until:
            return None
        lives_ms = round(KEPT_S * 1000)
        arguments = [self._root, act, now, lives_ms, self._most_bytes, self._most_of_one, *more]
        try:
            return int(await self._script(keys=[f"{self._root}all"], args=arguments))
        except FAILURES as error:
            self._failed(error)
            return None

    def _failed(self, error: Exception) -> None:
        self._quiet_until = monotonic() + QUIET_S
        log.warning("kept_answers.redis_away", error=type(error).__name__)
