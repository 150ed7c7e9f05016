"""Answers that clients refer to in a later request: in the memory of the process, sealed, for an hour, as much as there is room for.

The one place where texts of requests and answers outlive them (docs/OPERATIONS.md § 2, FREEAI_RESPONSE_STORE); nothing of it is ever
written to a disk, a table or a log. Who asks for an answer is the client key that it was given to; it is noise to all others.
"""

import asyncio
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from apps.core import clock
from apps.core.sealing import seal, unseal

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


class _Kept(Struct, frozen=True, gc=False):
    parts: tuple[bytes, ...]
    until: float
    size: int


class KeptAnswers:
    """The oldest make room for the new; all live equally long, so that they also expire in that order. Of all threads: what is large is
    read and kept beside the loop."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_of_one: int = MOST_OF_ONE) -> None:
        self._most_bytes = most_bytes
        self._most_of_one = most_of_one
        self._all: OrderedDict[Place, _Kept] = OrderedDict()
        self._of_one: dict[int, OrderedDict[str, None]] = {}
        self._used: Counter[int] = Counter()
        self.size = 0
        self._lock = threading.RLock()

    @property
    def most_of_one(self) -> int:
        """Bytes of the largest answer that can be kept."""
        return self._most_of_one - OVERHEAD_BYTES

    def put(self, client_id: int, answer_id: str, parts: Sequence[bytes], now: float) -> bool:
        """Keep the parts of an answer; False where it alone is more than one key may have."""
        size = sum(map(len, parts)) + OVERHEAD_BYTES
        if size > self._most_of_one:
            return False
        sealed = tuple(seal(part, _purpose(client_id, answer_id)) for part in parts)
        with self._lock:
            self.drop(client_id, answer_id)
            self.expire(now)
            self._make_room(client_id, size)
            self._all[client_id, answer_id] = _Kept(sealed, now + KEPT_S, size)
            self._of_one.setdefault(client_id, OrderedDict())[answer_id] = None
            self._used[client_id] += size
            self.size += size
        return True

    def get(self, client_id: int, answer_id: str, part: int, now: float) -> bytes | None:
        """One part of an answer that was given to this client key, None for any other."""
        kept = self._all.get((client_id, answer_id))
        if kept is None or kept.until <= now:
            return None
        return unseal(kept.parts[part], _purpose(client_id, answer_id))

    def drop(self, client_id: int, answer_id: str) -> bool:
        """Forget an answer; whether it was there."""
        with self._lock:
            if (client_id, answer_id) not in self._all:
                return False
            self._remove((client_id, answer_id))
        return True

    def held_of(self, client_id: int) -> int:
        """Bytes of all answers to this client key."""
        return self._used.get(client_id, 0)

    def size_of(self, client_id: int, answer_id: str, now: float) -> int:
        """Bytes of an answer, 0 where there is none."""
        kept = self._all.get((client_id, answer_id))
        return 0 if kept is None or kept.until <= now else kept.size

    def expire(self, now: float) -> None:
        """Forget what has had its time."""
        with self._lock:
            while self._all:
                place, kept = next(iter(self._all.items()))
                if kept.until > now:
                    return
                self._remove(place)

    async def run(self) -> None:
        """Forget it also where nobody asks; the loop of a process."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.expire(clock.now())

    def _make_room(self, client_id: int, size: int) -> None:
        own = self._of_one.get(client_id)
        while own and self._used[client_id] + size > self._most_of_one:
            self._remove((client_id, next(iter(own))))
        while self._all and self.size + size > self._most_bytes:
            self._remove(next(iter(self._all)))

    def _remove(self, place: Place) -> None:
        size = self._all.pop(place).size
        client_id, answer_id = place
        self.size -= size
        self._used[client_id] -= size
        own = self._of_one[client_id]
        del own[answer_id]
        if not own:
            del self._of_one[client_id], self._used[client_id]


def _purpose(client_id: int, answer_id: str) -> str:
    return f"kept answer {answer_id} of client key {client_id}"
