"""What one process took of windows lately, by time: what it tells the others where the counters of all were lost, or could not be
reached."""

from collections.abc import Iterable, Iterator
from math import ceil

from apps.core.state.contract import Amounts, Window

RECENT_S = 120.0
"""An event is in the ledger long before."""


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
