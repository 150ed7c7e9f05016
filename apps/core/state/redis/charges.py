"""What was taken of windows lately, by time: by this process, which tells the others where the counters of all were lost, or could not be
reached; and by the others, as far as it has seen."""

from collections.abc import Iterable, Iterator
from math import ceil

from apps.core.state.contract import Amounts, Window

RECENT_S = 120.0
"""An event is in the ledger long before."""
UNSEEN_S = 1.0
"""What others took since this process looked last is supposed to be as much as they took in so long before."""


class Charges:
    """By window and second. A second counts from its end: too much of a window, never too little."""

    def __init__(self) -> None:
        self._by_key: dict[str, tuple[Window, dict[int, int]]] = {}

    def add(self, windows: Iterable[Window], amounts: Amounts, at: float) -> None:
        """`amounts` were taken at `at`; less than nothing, where they were given back."""
        second = ceil(at)
        for window in windows:
            if amount := amounts.get(window.metric):
                known = self._by_key.get(window.key)
                if known is None:
                    known = self._by_key[window.key] = (window, {})
                known[1][second] = known[1].get(second, 0) + amount

    def since(self, moment: float) -> Iterator[tuple[Window, list[tuple[float, int]]]]:
        """What was taken later than `moment`, of each window."""
        for window, seconds in self._by_key.values():
            if later := [(float(at), amount) for at, amount in seconds.items() if at > moment and amount]:
                yield window, sorted(later)

    def forget(self, before: float) -> None:
        """What is older is nobody's question any more."""
        for key, (_, seconds) in list(self._by_key.items()):
            for at in [at for at in seconds if at <= before]:
                del seconds[at]
            if not seconds:
                del self._by_key[key]

    def __bool__(self) -> bool:
        return bool(self._by_key)


class Pace:
    """How much the others took of windows in the last seconds, by key."""

    def __init__(self) -> None:
        self._by_second: dict[int, dict[str, int]] = {}

    def add(self, key: str, amount: int, at: float) -> None:
        """So much was seen to be taken at `at`."""
        second = ceil(at)
        taken = self._by_second.get(second)
        if taken is None:
            self._by_second = {
                earlier: known for earlier, known in self._by_second.items() if earlier > at - UNSEEN_S
            }
            taken = self._by_second[second] = {}
        taken[key] = taken.get(key, 0) + amount

    def since(self, moment: float) -> dict[str, int]:
        """What was taken later than `moment`, of each window."""
        total: dict[str, int] = {}
        for second, taken in self._by_second.items():
            if second > moment:
                for key, amount in taken.items():
                    total[key] = total.get(key, 0) + amount
        return total
