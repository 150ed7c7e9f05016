"""Something of which there is only so much, shared fairly without waiting: who has much is refused first."""

from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairRoom(Generic[T]):
    """At most `most()` in all. A tenant holds no more than it leaves free: half where nobody else has any, a third each of two who
    want more, and there is always room for whoever comes. Of one event loop."""

    def __init__(self, most: Callable[[], int]) -> None:
        self.taken = 0
        self._most = most
        self._held: Counter[T] = Counter()

    def take(self, tenant: T, amount: int) -> bool:
        """Whether the tenant may have so much more; then it has to be given back."""
        if self._held[tenant] + amount > self._most() - self.taken - amount:
            return False
        self.taken += amount
        self._held[tenant] += amount
        return True

    def give_back(self, tenant: T, amount: int) -> None:
        """What was taken, or a part of it."""
        self.taken -= amount
        self._held[tenant] -= amount
        if not self._held[tenant]:
            del self._held[tenant]
