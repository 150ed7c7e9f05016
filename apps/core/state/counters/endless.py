"""Windows that no time ends: what is given once, and calls at a time."""

from typing import Final

from apps.core.state.counters.counter import Counter
from apps.core.state.periods import DAY_S

ASK_AGAIN_S: Final = float(DAY_S)
"""Nothing comes back of what is given once, but an operator may grant more of it."""
POLL_S: Final = 1.0
"""How soon it is worth asking again for a call at a time: one may end at any moment."""


class EndlessCounter(Counter):
    """Only corrections give back. `retry_s`: when it is worth asking again."""

    __slots__ = ("retry_s",)

    def __init__(self, retry_s: float) -> None:
        super().__init__()
        self.retry_s = retry_s

    def roll(self, now: float, limit: int) -> None:
        """It never gets stale."""

    def correct(self, delta: int, at: float) -> None:
        self.used = max(self.used + delta, 0)
        self._correct_cap(delta, at)

    def resets_at(self) -> None:
        return None

    def ended(self, now: float) -> bool:
        return not self.used and self.live_cap(now) is None

    def _frees_at(self, excess: int, now: float) -> float:
        return self._ends_at(now)

    def _ends_at(self, now: float) -> float:
        return now + self.retry_s


class HeldCounter(EndlessCounter):
    """Calls at a time. Those of an earlier process have ended with it."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(POLL_S)

    def recall(self, amount: int, at: float, since: float, limit: int) -> None:
        """Nothing of theirs is held."""


class OnceCounter(EndlessCounter):
    """What is given once."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(ASK_AGAIN_S)
