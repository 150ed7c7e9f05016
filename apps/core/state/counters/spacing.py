"""Windows of a second at an upstream: how far requests have to be apart there, which is a little more than that apart here."""

from collections import deque
from math import inf
from typing import Final

from apps.core.state.counters.counter import Counter

SECOND_S: Final = 1.0
LEAST_MARGIN_S: Final = 0.02
MOST_MARGIN_S: Final = 1.0
WIDER: Final = 1.3
WIDER_BY_S: Final = 0.02
FIRST_WIDER: Final = 1.6
"""After the first refusal: on its way down the margin passed several that would have been refused now and then."""
NARROWER: Final = 0.98
"""Of the margin after each charge, until a refusal has shown where its end is; from then on SLOWLY."""
SLOWLY: Final = 0.9995
CERTAIN_S: Final = 0.5
"""By so much the ways of two requests there may differ."""
KEEPS_S: Final = 3600.0
"""A margin that was learnt is worth keeping for so long after the last charge."""


class SpacingCounter(Counter):
    """Exact: each charge counts for a second and a margin. The margin follows what the upstream refuses: the way there takes one request
    longer than another, by how much nobody says."""

    __slots__ = ("charges", "first_margin_s", "latest", "margin_s", "narrower", "previous")

    def __init__(self, margin_s: float) -> None:
        super().__init__()
        self.margin_s = self.first_margin_s = margin_s
        self.narrower = NARROWER
        self.latest = self.previous = -inf
        self.charges: deque[tuple[float, int]] = deque()

    def roll(self, now: float, limit: int) -> None:
        while self.charges and self._expiry(self.charges[0]) <= now:
            self.used -= self.charges.popleft()[1]
        self.stale_at = self._expiry(self.charges[0]) if self.charges else inf

    def rewind(self, now: float) -> None:
        super().rewind(now)
        self.charges = deque((min(at, now), amount) for at, amount in self.charges)
        self.latest = min(self.latest, now)
        self.roll(now, 0)

    def charge(self, amount: int, now: float) -> None:
        super().charge(amount, now)
        self.margin_s = max(LEAST_MARGIN_S, self.margin_s * self.narrower)
        self.previous, self.latest = self.latest, now
        self._put(amount, now)

    def correct(self, delta: int, at: float) -> None:
        self._correct_cap(delta, at)
        self.used += delta
        self._put(delta, at)

    def refused(self) -> None:
        wider = FIRST_WIDER if self.narrower == NARROWER else WIDER
        self.narrower = SLOWLY
        self.margin_s = min(MOST_MARGIN_S, self.margin_s * wider + WIDER_BY_S)

    def is_wide(self) -> bool:
        """Whether no way there varies so much: it is the limit that is lower."""
        return self.margin_s >= MOST_MARGIN_S / 2

    @property
    def least_apart_s(self) -> float:
        return self.margin_s

    def begin_anew(self) -> None:
        self.margin_s, self.narrower = self.first_margin_s, NARROWER

    def beside(self, at: float, own: int) -> tuple[int, float]:
        within = sum(amount for when, amount in self.charges if at - SECOND_S < when <= at) - own
        times = [when for when, amount in self.charges if amount > 0]
        if at in times:
            times.remove(at)
        times.append(self.previous if at == self.latest else -inf)
        return within, min(abs(at - when) for when in times)

    def surely_full(self, limit: int, now: float) -> bool:
        certain = now - SECOND_S + CERTAIN_S
        return sum(amount for at, amount in self.charges if at > certain) >= limit

    def ended(self, now: float) -> bool:
        return now >= self.latest + KEEPS_S and self.live_cap(now) is None

    def resets_at(self) -> float | None:
        return self._expiry(self.charges[-1]) if self.charges else None

    def returns(self) -> tuple[tuple[float, int], ...]:
        return tuple((self._expiry(charge), charge[1]) for charge in self.charges)

    def _put(self, amount: int, at: float) -> None:
        charge = (at, amount)
        if self.charges and at < self.charges[-1][0]:
            self.charges = deque(sorted((*self.charges, charge)))
        else:
            self.charges.append(charge)
        self.stale_at = self._expiry(self.charges[0])

    def _frees_at(self, excess: int, now: float) -> float:
        for charge in self.charges:
            excess -= charge[1]
            if excess <= 0:
                return self._expiry(charge)
        return self._ends_at(now)

    def _ends_at(self, now: float) -> float:
        return now + SECOND_S + self.margin_s

    def _expiry(self, charge: tuple[float, int]) -> float:
        """The first moment at which it no longer counts."""
        return charge[0] + SECOND_S + self.margin_s
