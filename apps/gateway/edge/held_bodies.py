"""How many bytes of request bodies the process holds: each from its arrival until its request is over, be it waiting for quota or for a
slow upstream."""

from typing import Final

from django.conf import settings

from apps.core.fair_room import FairRoom
from apps.core.heap import TRIMMING
from apps.gateway.wire.errors import ApiError

SMALL_BYTES: Final = 64 * 1024
"""Up to here bodies do not count: the number of connections bounds them."""
TRIMMED_BYTES: Final = 4 * 1024 * 1024
"""From here on what is made of a body is worth a look through the heap, some milliseconds in a thread."""
AGAIN_S: Final = "5"


def most_bytes() -> int:
    """FREEAI_MAX_HELD_BODY_BYTES; a single one of the largest always finds room."""
    return max(settings.FREEAI_MAX_HELD_BODY_BYTES, 2 * settings.FREEAI_MAX_BODY_BYTES)


ROOM: FairRoom[int | None] = FairRoom(most_bytes)
"""By user."""


def hold(user_id: int | None, amount: int) -> None:
    """So many bytes more, to be given back to ROOM. Raises ApiError: 503 where nothing is left, 429 where the rest is for others."""
    if ROOM.take(user_id, amount):
        return
    again = {"Retry-After": AGAIN_S}
    if ROOM.taken + amount > most_bytes():
        message = "The requests under way hold all the memory that there is for large bodies."
        raise ApiError(503, message, type="api_error", code="no_room_for_bodies", headers=again)
    message = "Your requests under way hold their share of the memory for large bodies; send fewer of them at a time."
    raise ApiError(429, message, type="rate_limit_error", code="too_many_bodies", headers=again)


def let_go(user_id: int | None, amount: int) -> None:
    """So many bytes of one request, which is over."""
    ROOM.give_back(user_id, amount)
    if amount >= TRIMMED_BYTES:
        TRIMMING.soon()
