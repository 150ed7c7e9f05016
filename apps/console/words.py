"""Figures and times as the pages print them. Pure."""

from datetime import UTC, datetime

UNKNOWN = "–"
THOUSAND, TEN_THOUSAND, MILLION, BILLION = 1_000, 10_000, 1_000_000, 1_000_000_000
SECOND_MS = 1_000
MAX_SHOWN = 200
"""Characters of a text of somebody else's that stand in a page; the whole is in its title."""


def count(value: float | None) -> str:
    """1,842; a dash for what is not known."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """1,842 up to ten thousand, then 231 k, 3.42 M, 1 B."""
    if value is None:
        return UNKNOWN
    for size, unit in ((BILLION, "B"), (MILLION, "M"), (THOUSAND, "k")):
        if abs(value) >= (TEN_THOUSAND if size == THOUSAND else size):
            scaled = f"{value / size:.3g}" if abs(value) < size * THOUSAND else f"{value / size:,.0f}"
            return f"{scaled} {unit}"
    return count(value)


def duration(value_ms: float | None) -> str:
    """380 ms under a second, 2.14 s above."""
    if value_ms is None:
        return UNKNOWN
    return f"{value_ms:,.0f} ms" if value_ms < SECOND_MS else f"{value_ms / SECOND_MS:,.2f} s"


def dollars(microusd: int | None) -> str:
    """$0.0017, for one event."""
    return UNKNOWN if microusd is None else f"${microusd / MILLION:,.4f}"


def price(microusd: int | None) -> str:
    """$97.31, for sums and for a million tokens."""
    return UNKNOWN if microusd is None else f"${microusd / MILLION:,.2f}"


def length(seconds: float) -> str:
    """24 s, 12 min, 3 h 20 min, 4 days: the two largest units that matter."""
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min"
    if days < 2:  # noqa: PLR2004 - 36 hours say more than one day
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} days"


def cut(text: str) -> str:
    """At most MAX_SHOWN characters of it."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def moment(epoch_s: float) -> datetime:
    """The time, of UTC."""
    return datetime.fromtimestamp(epoch_s, UTC)


def monogram(name: str) -> str:
    """Two letters that stand for a name: the first two capitals or digits, else its first two letters."""
    marks = [letter for letter in name if letter.isupper() or letter.isdigit()]
    letters = [letter for letter in name if letter.isalnum()]
    return "".join(marks[:2]) if len(marks) > 1 else "".join(letters[:2]).capitalize()
