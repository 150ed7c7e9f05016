"""Charts as shapes: what a template draws as plain SVG, with the figures as a table behind. Pure: no markup, no Django.

Shapes are in per cent of a plot that is stretched to its place; labels are HTML beside it, so that they are not.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

Value = float | None
"""None: there is nothing to tell of that time."""
STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
LINES: Final = 4
FULL: Final = 100.0
BAR: Final = 0.72
"""Of a column's width."""
MOST_MARKS: Final = 8
LONG_S: Final = 6 * 3600
SPARK_HEIGHT: Final = 28.0
SPARK_TOP: Final = 2.0


class Series(Struct, frozen=True):
    """A value for each column. `style`: what the style sheet calls such a shape."""

    name: str
    style: str
    values: Sequence[Value]


class Bar(Struct, frozen=True):
    """One series' part of a column."""

    style: str
    x: str
    y: str
    width: str
    height: str


class Line(Struct, frozen=True):
    """A series as a path, broken where nothing is told."""

    style: str
    path: str


class Column(Struct, frozen=True):
    """One bucket of time: its figures in words, and where it leads. `mark`: whether its time stands below: 1, or 2 for every second one of
    those, which is left out where there is no room; 0 where it does not."""

    start: datetime
    cells: Sequence[str]
    x: str
    width: str
    url: str = ""
    mark: int = 0


class Chart(Struct, frozen=True, kw_only=True):
    """`ticks`: labels of the horizontal lines from above, "" where there is nothing to measure; `lines`: where those are."""

    title: str
    summary: str
    names: Sequence[str]
    styles: Sequence[str]
    ticks: Sequence[str]
    lines: Sequence[str]
    columns: Sequence[Column]
    bars: Sequence[Bar] = ()
    paths: Sequence[Line] = ()
    is_empty: bool = False

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Style and name of each series."""
        return list(zip(self.styles, self.names, strict=True))

    @property
    def is_long(self) -> bool:
        """Whether its times are told as days."""
        starts = [column.start for column in self.columns[1:3]]
        return len(starts) > 1 and (starts[1] - starts[0]).total_seconds() >= LONG_S


class Frame(Struct, frozen=True, kw_only=True):
    """What any chart is drawn in: its times, its words. `told`: a value in words, `tick` the same at a line; `urls`: where each column
    leads. `is_whole`: there is no half of what is counted."""

    title: str
    summary: str
    starts: Sequence[datetime]
    told: Callable[[Value], str]
    tick: Callable[[float], str]
    urls: Sequence[str] = ()
    is_whole: bool = False


def bars(frame: Frame, series: Sequence[Series]) -> Chart:
    """Stacked columns."""
    sums = [sum(value or 0.0 for value in column) for column in _columns(series)]
    top = ceiling(max(sums, default=0.0), is_whole=frame.is_whole)
    width = FULL / max(1, len(frame.starts))
    drawn = []
    for number, column in enumerate(_columns(series)):
        y = FULL
        for one, value in zip(series, column, strict=True):
            height = FULL * (value or 0.0) / top
            if height:
                y -= height
                x = width * (number + (1 - BAR) / 2)
                drawn.append(Bar(one.style, *map(_text, (x, y, width * BAR, height))))
    return _chart(frame, series, top, bars=drawn, is_empty=not any(sums))


def lines(frame: Frame, series: Sequence[Series]) -> Chart:
    """A line each, at the middle of the columns."""
    known = [value for one in series for value in one.values if value is not None]
    top = ceiling(max(known, default=0.0))
    paths = [Line(one.style, _path(one.values, top, FULL)) for one in series]
    return _chart(frame, series, top, paths=paths, is_empty=not known)


def spark(values: Sequence[Value], *, from_zero: bool = True) -> str:
    """A small line without labels, as a path in a box of 100 by SPARK_HEIGHT; "" where there is nothing to draw.

    Without `from_zero` the least value is at the bottom.
    """
    known = [value for value in values if value is not None]
    if len(known) <= 1 or not any(known):
        return ""
    least = 0.0 if from_zero else min(known)
    span = max(known) - least or 1.0
    shifted = [None if value is None else value - least for value in values]
    return _path(shifted, span, SPARK_HEIGHT, top_space=SPARK_TOP)


def ceiling(most: float, *, is_whole: bool = False) -> float:
    """The least round number at or above, of which a quarter is one too, and whole where it has to be; 1 for nothing."""
    if most <= 0 or not math.isfinite(most):
        return 1.0
    step = max(most / LINES, 1.0 if is_whole else 0.0)
    power = 10.0 ** math.floor(math.log10(step))
    steps = [each * power for each in STEPS if not is_whole or (each * power).is_integer()]
    return LINES * next(each for each in steps if each >= step * (1 - 1e-9))


def _chart(
    frame: Frame,
    series: Sequence[Series],
    top: float,
    *,
    bars: Sequence[Bar] = (),
    paths: Sequence[Line] = (),
    is_empty: bool,
) -> Chart:
    return Chart(
        title=frame.title,
        summary=frame.summary,
        names=[one.name for one in series],
        styles=[one.style for one in series],
        ticks=[
            "" if is_empty and number < LINES else frame.tick(top * (LINES - number) / LINES)
            for number in range(LINES + 1)
        ],
        lines=[_text(FULL * number / LINES) for number in range(LINES + 1)],
        columns=_table(frame, series),
        bars=bars,
        paths=paths,
        is_empty=is_empty,
    )


def _table(frame: Frame, series: Sequence[Series]) -> list[Column]:
    """The figures of each column. The first begins where the time does, the second with an hour or a day: where there are many, marks begin
    there."""
    count = len(frame.starts)
    width, step = FULL / max(1, count), max(1, -(-count // MOST_MARKS))
    first = 1 if count > MOST_MARKS else 0
    urls = frame.urls or [""] * count
    return [
        Column(
            start,
            [frame.told(value) for value in values],
            _text(width * number),
            _text(width),
            url,
            0 if (number - first) % step else 1 + (number - first) // step % 2,
        )
        for number, (start, values, url) in enumerate(zip(frame.starts, _columns(series), urls, strict=True))
    ]


def _columns(series: Sequence[Series]) -> list[tuple[Value, ...]]:
    return list(zip(*(one.values for one in series), strict=True))


def _path(values: Sequence[Value], top: float, height: float, *, top_space: float = 0.0) -> str:
    """Straight lines between the values that are known, a new beginning behind a gap."""
    width = FULL / max(1, len(values))
    parts, pen = [], "M"
    for number, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        y = height - (height - top_space) * value / top
        if not _has(values, number - 1) and not _has(values, number + 1):
            parts.append(
                f"M{_text(width * (number + 0.25))} {_text(y)}h{_text(width / 2)}"
            )  # seen as a short line
            continue
        parts.append(f"{pen}{_text(width * (number + 0.5))} {_text(y)}")
        pen = "L"
    return "".join(parts)


def _has(values: Sequence[Value], number: int) -> bool:
    return 0 <= number < len(values) and values[number] is not None


def _text(value: float) -> str:
    return f"{value:.2f}"
