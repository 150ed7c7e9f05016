"""Times as people write them in queries and commands."""

from datetime import UTC, date, datetime
from typing import Final

EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9998, 12, 31, tzinfo=UTC)


def parse(text: str) -> datetime:
    """In UTC, within the years that the ledger can have: ISO 8601 with a zone, or a date, which begins at midnight UTC. Raises ValueError
    with a sentence."""
    try:
        is_date = "T" not in text and " " not in text
        day = date.fromisoformat(text) if is_date else None
        found = datetime.fromisoformat(text) if day is None else midnight(day)
    except ValueError:
        raise ValueError("Must be a time such as 2026-11-27T12:00:00Z, or a date.") from None
    if found.tzinfo is None:
        raise ValueError("Must say its zone: Z, or an offset such as +01:00 (%2B01:00 in a URL).")
    if found.year <= EARLIEST.year:
        return EARLIEST
    return LATEST if found.year >= LATEST.year else found.astimezone(UTC)


def midnight(day: date) -> datetime:
    """Where the UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
