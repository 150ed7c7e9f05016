"""Which part of a report's time is read from rollups, and which from events. Pure, but for `known`."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet
from msgspec import Struct

from apps.analytics.models import UsageDigest
from apps.analytics.rollup import building, marks
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.spans import A_DAY, DAY, HOUR, MONTH, Grain, end_of, start_of


class Piece(NamedTuple):
    """Some time, and what is read of it: spans of that grain, or events where there is none."""

    grain: Grain | None
    start: datetime
    end: datetime


class Rolled(Struct, frozen=True):
    """What can be read of some time: `spans` from rollups (their ends, by grain and start), to which nothing was written since, and events
    from `events_from` on; None for no events. Before `horizon` there were more, which are gone."""

    spans: Mapping[tuple[str, datetime], datetime] = {}
    horizon: datetime | None = None
    events_from: datetime | None = None

    def bounds(self, wanted: Sequence[datetime]) -> tuple[datetime, ...]:
        """The same bounds, but those before the horizon on the midnight of UTC that is nearest: rollups are no finer there. What is on
        the same midnight is one bound, so that no bucket is without time, and a time within one day is that day."""
        limit = self.horizon
        if limit is None:
            return tuple(wanted)
        bounds = sorted({start_of(DAY, bound + A_DAY / 2) if bound < limit else bound for bound in wanted})
        if len(bounds) == 1:
            day = start_of(DAY, wanted[0] + (wanted[-1] - wanted[0]) / 2)
            return day, end_of(DAY, day)
        return tuple(bounds)

    def whole_days(self) -> "Rolled":
        """The same without what the daily rollup does not have."""
        days = {
            span: end for span, end in self.spans.items() if span[0] == DAY and end == end_of(DAY, span[1])
        }
        return Rolled(days, self.horizon, self.events_from)


def known(bounds: Sequence[datetime], using: str) -> Rolled:
    """What is rolled up between the first and the last. Hours only of days that are cut by a bound, or were written to. Raises
    DatabaseError."""
    since = start_of(MONTH, bounds[0])
    until = end_of(HOUR, start_of(HOUR, bounds[-1]))
    limit = horizon(using)
    marked = marks.marked_hours(
        max(since, limit or since), until, using
    )  # what comes too late changes no rollup
    cut = {start_of(DAY, bound) for bound in bounds if bound != start_of(DAY, bound)}
    cut |= {start_of(DAY, hour) for hour in marked}
    of_all = UsageDigest.objects.using(using).filter(user_id=building.EVERYBODY)
    rows = of_all.filter(grain__in=(MONTH, DAY), start__gte=since, start__lt=until)
    spans = _spans(rows)
    if cut:
        spans |= _spans(of_all.filter(grain=HOUR, start__gte=min(cut), start__lt=max(cut) + A_DAY))
    for hour in marked:
        for span in ((grain, start_of(grain, hour)) for grain in (MONTH, DAY, HOUR)):
            if span in spans and hour < spans[span]:
                del spans[span]
    event = building.first_event(using, bounds[0])
    return Rolled(spans, limit, max(event, limit) if event and limit else event)


def planned(bounds: Sequence[datetime], rolled: Rolled) -> list[Piece]:
    """Pieces that make up the time between the first bound and the last, as long as they come, none of a rollup across a bound."""
    pieces: list[Piece] = []
    at, end = bounds[0], bounds[-1]
    while at < end:
        limit = bounds[bisect_right(bounds, at)]
        piece = _rolled_up(at, limit, rolled)
        if piece is None:
            piece = Piece(None, at, min(end_of(HOUR, start_of(HOUR, at)), end))
            first = rolled.events_from or end
            if first >= piece.end:  # nothing there: on to where there may be something
                at = max(piece.end, min(end_of(DAY, start_of(DAY, at)), start_of(HOUR, first), end))
                continue
        pieces.append(piece)
        at = piece.end
    return pieces


def _rolled_up(at: datetime, limit: datetime, rolled: Rolled) -> Piece | None:
    """The longest that begins there and does not go beyond the limit. Asked a thousand times for a report of days in another zone."""
    if at.minute or at.second or at.microsecond:
        return None
    grains = (HOUR,) if at.hour else (DAY, HOUR) if at.day > 1 else (MONTH, DAY, HOUR)
    for grain in grains:
        end = rolled.spans.get((grain, at))
        if end is not None and end <= limit:
            return Piece(grain, at, end)
    return None


def _spans(rows: QuerySet[UsageDigest]) -> dict[tuple[str, datetime], datetime]:
    return {(grain, start): end for grain, start, end in rows.values_list("grain", "start", "until")}


def runs(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Neighbours of one grain as one piece; of events a day at most."""
    run: Piece | None = None
    for piece in sorted(pieces, key=lambda piece: piece.start):
        joins = run is not None and (run.grain, run.end) == (piece.grain, piece.start)
        if run is not None and joins and (run.grain or piece.end - run.start <= A_DAY):
            run = run._replace(end=piece.end)
            continue
        if run is not None:
            yield run
        run = piece
    if run is not None:
        yield run
