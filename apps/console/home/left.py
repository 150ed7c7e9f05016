"""What is left of each account today, the most urgent first, and what comes back when. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from apps.console.pool import A_DAY, OFF, OUT, PAUSED, REFUSED, Row
from apps.console.words import short

MOST_RETURNS: Final = 6


class Return(Struct, frozen=True):
    """Something that comes back: when (UTC epoch seconds), at which provider, and what."""

    at: float
    row: Row
    what: str


class Left(Struct, frozen=True):
    """`total`: requests a day that are left in all of the pool; None where nobody counts them. `uncounted`: accounts that count no requests
    a day."""

    rows: Sequence[Row]
    total: int | None
    uncounted: Sequence[str]


def left_of(rows: Iterable[Row]) -> Left:
    """Of the accounts that are in use."""
    used = sorted((row for row in rows if row.pill is not OFF), key=_urgency)
    counted = [row for row in used if row.today is not None and tuple(row.today.span) == A_DAY]
    total = sum(row.today.left for row in counted if row.today and row.pill.tone == "ok")
    return Left(used, total if counted else None, [row.name for row in used if row not in counted])


def returns_of(rows: Iterable[Row]) -> list[Return]:
    """The next of them."""
    found = []
    for row in rows:
        if row.pill is OFF or row.reading is None:
            continue
        state = row.reading.state
        if (wait := state.blocked_for_s) and state.reason != "quota":  # whose windows say what they bring
            found.append(Return(row.reading.at + wait, row, "rest ends"))
        today = row.today
        if today is not None and today.resets_at is not None and today.left < today.limit:
            found.append(
                Return(today.resets_at, row, f"+{short(today.limit - today.left)} {today.span.metric}")
            )
    return sorted(found, key=lambda each: each.at)[:MOST_RETURNS]


def _urgency(row: Row) -> tuple[int, float, str]:
    """What was refused comes first, then what is out, what runs out, what is paused; the others by the share that is left."""
    share = row.today.left / row.today.limit if row.today and row.today.limit else 1.0
    reason = row.reading.state.reason if row.reading else None
    if reason in REFUSED or row.pill.tone == "bad":
        rank = 0
    elif reason in PAUSED:
        rank = 3
    elif reason is not None or row.pill is OUT:
        rank = 1
    else:
        rank = 2 if row.outlook is not None and row.outlook.tone == "warn" else 4
    return rank, share, row.name.lower()
