"""Where processes tell each other what each of them counts, a few times a second, and read what the others tell; nothing where there is one
process only. Nobody waits for it, and what it says may be a moment old."""

from typing import Protocol

from django.conf import settings

from apps.core.state.choice import is_shared


class Board(Protocol):
    """See `state/redis/board`."""

    async def exchange(self, topic: str, told: bytes, fresh_s: float) -> list[bytes]: ...

    async def aclose(self) -> None: ...


def open_board() -> Board | None:
    """None where nobody else counts."""
    if not is_shared(settings.FREEAI_STATE):
        return None
    from apps.core.state.redis.board import RedisBoard  # who counts in memory does not load Redis' client

    return RedisBoard(settings.FREEAI_STATE)
