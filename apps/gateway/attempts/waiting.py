"""Requests that wait for the next slot of a quota instead of being refused: how long, how many, and when they ask again."""

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from heapq import nsmallest
from typing import Final

from apps.core.fair_room import FairRoom
from apps.gateway.attempts.unserved import FailedAttempt
from apps.gateway.config import CONFIG
from apps.gateway.wire.errors import bad_request
from apps.providers.errors import ErrorKind
from apps.providers.types import Offer
from apps.strategies.ranking import Excluded

HEADER: Final = "HTTP_X_FREEAI_MAX_WAIT"
NAMED: Final = HEADER.removeprefix("HTTP_").replace("_", "-").lower()
LONGEST_S: Final = 300
DIGITS: Final = 3
MOST_WAITING: Final = 1000
"""In one process: as many hold their requests in memory, and no user holds more places than are left. Who comes beyond is refused at
once."""
SOONEST: Final = 6
BY_CHANCE: Final = 2
JITTER_S: Final = (0.01, 0.05)
HELD: Final = 1
"""Of the candidates that a key under its share waits for, so many are left alone by the others."""
HELD_S: Final = 0.2
"""When to look again at what is held for another: it is served at once, or gives up."""
MOST_RETRY_JITTER_S: Final = 1.0
PASSING: Final = frozenset({"quota", "rate_limited", "half_open"})
"""What may be over within a wait."""


def max_wait_s(meta: Mapping[str, str]) -> float:
    """How long the request may wait, by its header or else by the configuration. Raises ApiError(400)."""
    asked = meta.get(HEADER)
    if asked is None:
        return CONFIG.value.max_wait_s
    if not (asked.isascii() and asked.isdigit() and len(asked) <= DIGITS and int(asked) <= LONGEST_S):
        raise bad_request(f"`{NAMED}` must be whole seconds from 0 to {LONGEST_S}.", param=NAMED)
    return float(asked)


def slot_in_s(waiting: Iterable[Excluded], now: float) -> float | None:
    """How long until the first of them is worth another look, None where time alone does not help. With a little jitter: not all who
    wait come back at once."""
    soonest = min((item.retry_at for item in waiting if item.reason in PASSING), default=None)
    if soonest is None:
        return None
    return max(soonest - now, 0.0) + random.uniform(*JITTER_S)  # noqa: S311 - spreads load, guards nothing


def retry_jitter_s() -> float:
    """How much later than when something is free a client is told to come back: not all at once."""
    return random.uniform(0.0, MOST_RETRY_JITTER_S)  # noqa: S311 - spreads load, guards nothing


def when_free(item: Excluded) -> float:
    """To sort by: what is free the soonest first."""
    return item.retry_at


def worth_asking(spent: list[Excluded], *, fallback: bool) -> list[Excluded]:
    """Those to try a reservation with: what is free the soonest first, and a few of the others by chance. They may hold more than is
    known of them, and who is never asked never shows it."""
    soonest = sorted(spent, key=when_free)
    if not fallback:
        return soonest[:1]
    others = soonest[SOONEST:]
    return soonest[:SOONEST] + random.sample(others, min(BY_CHANCE, len(others)))


def next_candidates(waiting: Iterable[Excluded]) -> list[str]:
    """The state keys of what a wait may bring first."""
    passing = (item for item in waiting if item.reason in PASSING)
    return [item.offer.subject.candidate for item in nsmallest(HELD, passing, key=when_free)]


def free(waiting: Iterable[Excluded], now: float) -> list[Excluded]:
    """Those that are worth another look now."""
    return [item for item in waiting if item.reason in PASSING and item.retry_at <= now]


def held(offer: Offer, now: float) -> Excluded:
    """Left alone: somebody who got less than their share waits for it."""
    return Excluded(offer, "quota", "held for client keys under their share", now + HELD_S)


def is_short(failed: Iterable[FailedAttempt]) -> bool:
    """Whether nothing but quota was in the way."""
    return all(attempt.error.kind is ErrorKind.RATE_LIMITED for attempt in failed)


class Room:
    """Where the requests of one process wait."""

    def __init__(self) -> None:
        self._places: FairRoom[int] = FairRoom(lambda: MOST_WAITING)

    @property
    def taken(self) -> int:
        return self._places.taken

    @contextmanager
    def place(self, user_id: int) -> Iterator[bool]:
        """Whether there is one for a request of the user; given back at the end."""
        is_free = self._places.take(user_id, 1)
        try:
            yield is_free
        finally:
            if is_free:
                self._places.give_back(user_id, 1)
