"""What the analytics page shows of a reading."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from apps.analytics.reports.reading import Reading, read
from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import Measures
from apps.console.traffic import plots
from apps.console.traffic.asking import Asking
from apps.console.traffic.parts import DIMENSIONS, Part, parts_of
from apps.console.traffic.shapes import Chart
from apps.console.traffic.tiles import Tile, tiles_of
from apps.console.traffic.times import DAY, HOUR
from apps.console.words import length

MOST_KINDS: Final = 8


class Place(Struct, frozen=True):
    """Where requests ended: at their first candidate, at their second."""

    name: str
    requests: int
    share: str


class Told(Struct, frozen=True):
    """`parts`: of the dimension that was asked for."""

    tiles: Sequence[Tile]
    outcomes: Chart
    latency: Chart
    saved: Chart
    tokens: Chart
    parts: Sequence[Part]
    failures: Sequence[Part]
    places: Sequence[Place]


def readings_of(asking: Asking) -> tuple[Reading, Measures | None]:
    """Of the time, and of the time before where that is compared. Raises DatabaseError."""
    reading = read(asking.time.window, asking.filters)
    before = read(asking.time.before(), asking.filters).whole.total if asking.compare else None
    return reading, before


def told_of(asking: Asking, reading: Reading, before: Measures | None) -> Told:
    """Two queries at most, for names."""
    urls = [asking.narrowed(start, end) for start, end in pairwise(reading.bounds)]
    per = _per(asking)
    return Told(
        tiles_of(reading.whole.total, before, reading.buckets),
        plots.outcomes(reading, per, urls),
        plots.latency(reading, urls, (99, 95, 50)),
        plots.saved(reading, per, urls),
        plots.tokens(reading, per, urls),
        parts_of(reading, asking.by),
        parts_of(reading, "error_kind", MOST_KINDS),
        places_of(reading.whole.total),
    )


def places_of(total: Measures) -> list[Place]:
    """Those that occurred."""
    counts = {place: number for place, number in enumerate(sketch.digits(total.positions)) if number}
    largest = max(counts.values(), default=1)
    return [
        Place(_ordinal(place), number, f"{100 * number / largest:.1f}") for place, number in counts.items()
    ]


def tabs_of(asking: Asking) -> list[tuple[str, str, bool]]:
    """The break-downs: name, address, whether it is the one that is shown."""
    return [(title, asking.address(by=name), name == asking.by) for name, title in DIMENSIONS.items()]


def _per(asking: Asking) -> str:
    """How long a bucket is, in words: a day, in 6 h."""
    step = asking.time.step
    days = round(step / DAY)
    if days:
        return "a day" if days == 1 else f"in {days} days"
    return "an hour" if step == HOUR else f"in {length(step.total_seconds())}"


def _ordinal(place: int) -> str:
    match place:
        case 0:
            return "turned away"
        case 1:
            return "by the first"
        case 2:
            return "by the second"
        case 3:
            return "by the third"
    return f"by number {place}"
