"""What became of a user's attempts at one provider within the last seven days."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from apps.analytics.reports.reading import Filters, read
from apps.analytics.reports.windows import of_days
from apps.console import words
from apps.console.traffic.addresses import events_between
from apps.console.traffic.kept import kept
from apps.console.traffic.shapes import Chart, Frame, Series, bars
from apps.core import clock

DAYS: Final = 7


class Week(Struct, frozen=True):
    """`attempts`: a chart of them. `answers`: by model. `ok_percent`: of the attempts that came to an end; None of none."""

    attempts: Chart
    answers: Mapping[str, int]
    total: int
    ok_percent: float | None


def week_of(user_id: int, provider: str, zone: ZoneInfo) -> Week:
    """Read every few seconds at most. Raises DatabaseError."""
    return kept(("week", user_id, provider, zone.key), lambda: _read(user_id, provider, zone))


def _read(user_id: int, provider: str, zone: ZoneInfo) -> Week:
    window = of_days(DAYS, DAYS, zone, datetime.fromtimestamp(ceil(clock.now()), UTC))
    reading = read(window, Filters(user_id=user_id, providers=(provider,)))
    total = reading.whole.total
    ended = total.attempts - total.attempt_cancellations
    frame = Frame(
        title="Attempts a day",
        summary=f"{words.count(total.attempt_successes)} of {words.count(ended)} answered within seven days",
        starts=reading.bounds[:-1],
        told=words.short,
        tick=words.short,
        urls=[events_between(*day, provider=provider) for day in pairwise(reading.bounds)],
        is_whole=True,
    )
    failed = [each.attempts - each.attempt_successes - each.attempt_cancellations for each in reading.buckets]
    chart = bars(
        frame,
        [
            Series("answered", "s1", [each.attempt_successes for each in reading.buckets]),
            Series("failed", "sr", failed),
        ],
    )
    answers = {name: part.attempt_successes for name, part in reading.whole.parts.get("model", {}).items()}
    return Week(
        chart, answers, total.attempt_successes, 100 * total.attempt_successes / ended if ended else None
    )
