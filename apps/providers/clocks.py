"""By how much the clocks of upstreams differ from ours, by the `Date` of their answers: a fixed minute begins there by their clock.

Pure but for its memory; times are UTC epoch seconds.
"""

from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from apps.core.state.contract import Skew

EVERY_S: Final = 5.0
"""So often an upstream is listened to: reading a date costs more than a hundredth of a request."""
WAY_BACK_S: Final = 0.5
"""The most that a head takes from there to here."""
A_SECOND: Final = 1.0
"""What a `Date` leaves open."""
LOOSER_S: Final = 0.01
"""By so much what was known counts less with each further date: clocks drift, and are put right."""
MOST_S: Final = 60.0
"""A clock that differs by more is none."""
NEWS_S: Final = 0.1
MOST_LENGTH: Final = 40
MOST_UPSTREAMS: Final = 1000


class _Known(Struct):
    """The upstream is between `low` and `high` seconds ahead."""

    low: float
    high: float
    heard_at: float
    told: Skew = Skew()


class Clocks:
    """Of one process, by provider. The oldest make room for new ones."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def heard(self, provider: str, date: str | None, sent_at: float, now: float) -> Skew | None:
        """An answer's head has come. Returns what is new of the upstream's clock, None where nothing is."""
        known = self._known.get(provider)
        if date is None or (known is not None and 0 <= now - known.heard_at < EVERY_S):
            return None
        if known is None:
            if len(self._known) >= MOST_UPSTREAMS:
                del self._known[next(iter(self._known))]
            known = self._known[provider] = _Known(-MOST_S, MOST_S, now)
        known.heard_at = now  # what cannot be read is not read again with each answer either
        at = _read(date)
        if at is None or abs(at - now) > MOST_S:
            return None
        low, high = at - now, at + A_SECOND - max(sent_at, now - WAY_BACK_S)
        known.low, known.high = max(known.low - LOOSER_S, low), min(known.high + LOOSER_S, high)
        if known.low > known.high:
            known.low, known.high = low, high
        return _news(known)


def _news(known: _Known) -> Skew | None:
    """A clock that may be right is taken to be right."""
    middle, doubt = (known.low + known.high) / 2, (known.high - known.low) / 2
    found = Skew(middle, doubt) if abs(middle) > doubt else Skew()
    old = known.told
    if abs(found.ahead_s - old.ahead_s) < NEWS_S and abs(found.doubt_s - old.doubt_s) < NEWS_S:
        return None
    known.told = found
    return found


def _read(date: str) -> float | None:
    if len(date) > MOST_LENGTH:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
