"""Which requests are told where there are more than anybody can read: so many a second, and of each that was told its end too. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from apps.core.json_types import JSONObject

A_SECOND: Final = 200
MOST_REMEMBERED: Final = 5_000
RUNNING: Final = "running"


class Chooser:
    """One reader's budget. `now` is in seconds, on any clock that goes on."""

    def __init__(self, a_second: int = A_SECOND) -> None:
        self._a_second = a_second
        self._begun_at = float("-inf")
        self._spent = 0
        self._told: OrderedDict[str, None] = OrderedDict()
        self._passed: OrderedDict[str, None] = OrderedDict()

    def choose(self, requests: Iterable[JSONObject], now: float) -> tuple[list[JSONObject], int]:
        """Those to tell, and of how many no word is said, each counted once."""
        if now - self._begun_at >= 1.0:
            self._begun_at, self._spent = now, 0
        known: list[JSONObject] = []
        new: list[JSONObject] = []
        for request in requests:
            (known if request["id"] in self._told else new).append(request)
        chosen = known[: 2 * self._a_second]
        rest = 0
        for request in new:
            if request["id"] in self._passed:
                continue
            if self._spent < self._a_second:
                self._spent += 1
                chosen.append(request)
                _remember(self._told, request["id"])
            else:
                rest += 1
                _remember(self._passed, request["id"])
        for request in (*chosen, *new):
            if request["state"] != RUNNING:
                self._told.pop(request["id"], None)
                self._passed.pop(request["id"], None)
        return chosen, rest


def _remember(seen: OrderedDict[str, None], name: str) -> None:
    seen[name] = None
    if len(seen) > MOST_REMEMBERED:
        seen.popitem(last=False)
