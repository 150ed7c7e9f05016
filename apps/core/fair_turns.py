"""Turns at something that only a few may do at once, shared fairly among those who ask: who asks for much waits behind itself."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class FairTurns(Generic[T]):
    """At most `most` at once, at most `each` of one tenant, so that a place is left for whoever comes. A turn that becomes free goes to the
    waiting tenant who holds the fewest, among equals to the one who had none for longest. Of one event loop."""

    def __init__(self, most: int, each: int) -> None:
        self._free = most
        self._each = each
        self._held: Counter[T] = Counter()
        self._waiting: dict[T, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, tenant: T) -> AsyncIterator[None]:
        """Waits for a turn, and gives it back."""
        if self._may_have(tenant):
            self._take(tenant)
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._give_back(tenant)

    def _may_have(self, tenant: T) -> bool:
        return self._free > 0 and self._held[tenant] < self._each

    def _take(self, tenant: T) -> None:
        self._free -= 1
        self._held[tenant] += 1

    def _give_back(self, tenant: T) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        self._hand_on()

    async def _wait(self, tenant: T) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # it was our turn, and nobody is here to have it
                self._give_back(tenant)
            raise  # else it is left in its queue, for whoever comes by

    def _hand_on(self) -> None:
        while able := [tenant for tenant in self._waiting if self._may_have(tenant)]:
            tenant = min(able, key=lambda one: self._held[one])
            waiting = self._waiting.pop(tenant)
            called = waiting.popleft()
            if not called.cancelled():
                self._take(tenant)
                called.set_result(None)
            if waiting:
                self._waiting[tenant] = waiting  # behind the others
