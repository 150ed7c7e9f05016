"""Into which slices the past is cut to be summed up: what is old may be told more roughly. Pure."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from apps.analytics.rollup.spans import A_DAY

Slice = tuple[datetime, datetime]
"""From then on, and before then."""

AHEAD: Final = timedelta(days=1)  # of a clock that was set back
HALF: Final = timedelta(minutes=30)
# How far back from the newest on, in slices of which length.
FINE: Final = (timedelta(minutes=65), timedelta(minutes=1))
MIDDLE: Final = (timedelta(hours=25), HALF)  # a local midnight lies on such a boundary, nearly everywhere
ANCIENT: Final = timedelta(days=4 * 366)
"""Longer ago than three of the longest windows: all of it is one slice, be it from 1970, by a clock that was wrong."""


def slices(since: datetime, now: datetime, cuts: Collection[datetime] = ()) -> Iterator[Slice]:
    """From `since` to `now` and a little beyond, without a gap, latest first; none across a cut."""
    for start, end in _plain(since, now):
        points = {start, end, *_points(start, end, cuts)}
        latest_first = sorted(points, reverse=True)
        yield from zip(latest_first[1:], latest_first, strict=False)


def _points(start: datetime, end: datetime, cuts: Collection[datetime]) -> Iterator[datetime]:
    """Where to cut, and how to leave as much as can be in whole half hours."""
    for cut in cuts:
        if start < cut < end:
            half = _before(cut, HALF)
            for point in (half, cut, half + HALF):
                if start < point < end:
                    yield point


def _plain(since: datetime, now: datetime) -> Iterator[Slice]:
    end = now + AHEAD
    start = now.replace(second=0, microsecond=0)
    for reach, length in (FINE, MIDDLE):
        while start > now - reach and end > since:
            yield max(start, since), end
            start, end = _before(start, length), start
    start = end.replace(hour=0, minute=0)
    while end > since:
        if start < now - ANCIENT:
            start = since
        yield max(start, since), end
        start, end = start - A_DAY, start


def _before(moment: datetime, length: timedelta) -> datetime:
    """The last boundary of `length` before then."""
    minutes = length // timedelta(minutes=1)
    previous = moment - timedelta.resolution
    return previous.replace(minute=previous.minute // minutes * minutes, second=0, microsecond=0)
