"""Answers that clients refer to in a later request: sealed, for an hour, as much as there is room for. In the memory of the process; in a
fleet in its Redis (`kept_in_redis`), since the next request may come to another process.

The one place where texts of requests and answers outlive them (docs/OPERATIONS.md § 2, FREEAI_RESPONSE_STORE); nothing of it is ever
written to a table or a log, nor to a disk unless Redis saves its memory. Who asks for an answer is the client key that it was given to; it
is noise to all others.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

from apps.core import clock
from apps.core.aside import aside
from apps.core.sealing import seal, unseal
from apps.core.state.choice import is_shared

NAME: Final = "kept_answers"
KEPT_S: Final = 3600.0
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_OF_ONE: Final = 16 * 1024 * 1024
"""Of one client key, so that none takes the room of all."""
OVERHEAD_BYTES: Final = 1024
"""About what an answer costs beside its texts: many small ones are not for nothing."""
LOOK_S: Final = 60.0

Place = tuple[int, str]
"""Client key and id of the answer."""
Part = tuple[str, int]
"""Id of an answer, and which part of it."""


class Answers(Protocol):
    """What is kept. The oldest make room for the new; all live equally long, so that they also expire in that order. Nothing raises."""

    def fits(self, parts: Sequence[bytes]) -> bool:
        """Whether one key may have so much at all."""
        ...

    async def put(self, client_id: int, answer_id: str, parts: Sequence[bytes], now: float) -> None:
        """Keep the parts of an answer that fits, instead of what has its id. When it returns, whoever asks finds it."""
        ...

    async def get(self, client_id: int, wanted: Sequence[Part], now: float) -> list[bytes | None]:
        """Parts of answers that were given to this client key, None for any other."""
        ...

    async def drop(self, client_id: int, answer_id: str, now: float) -> bool:
        """Forget an answer; whether it was there."""
        ...

    async def size(self, now: float) -> int:
        """Bytes that are kept, OVERHEAD_BYTES for each answer included."""
        ...

    async def run(self) -> None:
        """What has to go on meanwhile; the loop of a process. Until cancelled."""
        ...


def open_answers(where: str) -> Answers:
    """As FREEAI_STATE says."""
    if not is_shared(where):
        return KeptAnswers()
    from apps.gateway.kept_in_redis import KeptInRedis  # late: it loads Redis' client

    return KeptInRedis(where)


def size_of(parts: Sequence[bytes]) -> int:
    """What an answer counts."""
    return sum(map(len, parts)) + OVERHEAD_BYTES


async def sealed(client_id: int, answer_id: str, parts: Sequence[bytes]) -> tuple[bytes, ...]:
    """As it is kept."""
    purpose = _purpose(client_id, answer_id)
    return await aside(None, lambda: tuple(seal(part, purpose) for part in parts), size_of(parts))


async def unsealed(
    client_id: int, wanted: Sequence[Part], found: Sequence[bytes | None]
) -> list[bytes | None]:
    """Parts as they were given; None for what is not there, or was sealed by other keys."""

    def work() -> list[bytes | None]:
        return [
            None if raw is None else unseal(raw, _purpose(client_id, answer_id))
            for (answer_id, _), raw in zip(wanted, found, strict=True)
        ]

    return await aside(None, work, sum(len(raw) for raw in found if raw is not None))


class _Kept(Struct, frozen=True, gc=False):
    parts: tuple[bytes, ...]
    until: float
    size: int


class KeptAnswers:
    """Those of one process: see Answers."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_of_one: int = MOST_OF_ONE) -> None:
        self._most_bytes = most_bytes
        self._most_of_one = most_of_one
        self._all: OrderedDict[Place, _Kept] = OrderedDict()
        self._of_one: dict[int, OrderedDict[str, None]] = {}
        self._used: Counter[int] = Counter()
        self._size = 0

    def fits(self, parts: Sequence[bytes]) -> bool:
        """See Answers."""
        return size_of(parts) <= self._most_of_one

    async def put(self, client_id: int, answer_id: str, parts: Sequence[bytes], now: float) -> None:
        """See Answers."""
        closed, size = await sealed(client_id, answer_id, parts), size_of(parts)
        self._expire(now)
        if (client_id, answer_id) in self._all:
            self._remove((client_id, answer_id))
        own = self._of_one.get(client_id)
        while own and self._used[client_id] + size > self._most_of_one:
            self._remove((client_id, next(iter(own))))
        while self._all and self._size + size > self._most_bytes:
            self._remove(next(iter(self._all)))
        self._all[client_id, answer_id] = _Kept(closed, now + KEPT_S, size)
        self._of_one.setdefault(client_id, OrderedDict())[answer_id] = None
        self._used[client_id] += size
        self._size += size

    async def get(self, client_id: int, wanted: Sequence[Part], now: float) -> list[bytes | None]:
        """See Answers."""
        found = [self._part(client_id, answer_id, part, now) for answer_id, part in wanted]
        return await unsealed(client_id, wanted, found)

    async def drop(self, client_id: int, answer_id: str, now: float) -> bool:
        """See Answers."""
        self._expire(now)
        if (client_id, answer_id) not in self._all:
            return False
        self._remove((client_id, answer_id))
        return True

    async def size(self, now: float) -> int:
        """See Answers."""
        self._expire(now)
        return self._size

    async def run(self) -> None:
        """Forget what has had its time also where nobody asks."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._expire(clock.now())

    def _part(self, client_id: int, answer_id: str, part: int, now: float) -> bytes | None:
        kept = self._all.get((client_id, answer_id))
        if kept is None or kept.until <= now:
            return None
        return kept.parts[part]

    def _expire(self, now: float) -> None:
        while self._all:
            place, kept = next(iter(self._all.items()))
            if kept.until > now:
                return
            self._remove(place)

    def _remove(self, place: Place) -> None:
        size = self._all.pop(place).size
        client_id, answer_id = place
        self._size -= size
        self._used[client_id] -= size
        own = self._of_one[client_id]
        del own[answer_id]
        if not own:
            del self._of_one[client_id], self._used[client_id]


def _purpose(client_id: int, answer_id: str) -> str:
    return f"kept answer {answer_id} of client key {client_id}"
