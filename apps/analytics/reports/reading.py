"""Reads what a report tells: the break-downs of its whole time, and the measures of each bucket."""

from bisect import bisect_right
from datetime import datetime

from django.db.models import Case, Q, Value, When
from msgspec import Struct, field
from msgspec.structs import replace

from apps.analytics.models import DailyRollup, UsageDigest, UsageEventRow
from apps.analytics.reports import plan
from apps.analytics.reports.consistency import consistent_reads
from apps.analytics.reports.plan import Piece, planned, runs
from apps.analytics.reports.windows import Window
from apps.analytics.rollup import counting, days
from apps.analytics.rollup.building import EVERYBODY
from apps.analytics.rollup.digests import CELL, Cell, Digest, Tally, merged, unpack_parts, unpack_total
from apps.analytics.rollup.measures import NOTHING, Measures
from apps.core.moments import midnight


class Filters(Struct, frozen=True):
    """Which events are told of: those that have this user, one of these clients, providers, models and strategies. None: all, and none."""

    user_id: int | None = None
    client_ids: tuple[int, ...] | None = None
    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    strategies: tuple[str, ...] | None = None

    def beyond_users(self) -> bool:
        """Whether digests, which are of one user each, do not answer."""
        return self != Filters(user_id=self.user_id)

    def condition(self) -> Q:
        """For events, and for rows of the daily rollup."""
        conditions = {
            "user_id": self.user_id,
            "client_id__in": self.client_ids,
            "provider__in": self.providers,
            "model__in": self.models,
            "strategy__in": self.strategies,
        }
        return Q(**{name: value for name, value in conditions.items() if value is not None})


class Reading(Struct):
    """`whole`: of all the time. `buckets`: one between two `bounds`, without times to the first byte and places in the fallback chain.
    `source`: "rollup" if any of it came from there, else "events"."""

    bounds: tuple[datetime, ...]
    buckets: list[Measures]
    whole: Digest = field(default_factory=Digest)
    source: str = "events"


def read(window: Window, filters: Filters, using: str = "default") -> Reading:
    """What the ledger tells of the window, all of it as of one moment. Raises DatabaseError."""
    with consistent_reads(using):
        rolled = plan.known(window.bounds, using)
        bounds = rolled.bounds(window.bounds)
        reading = Reading(bounds, [NOTHING] * (len(bounds) - 1))
        reader = _Reader(reading, filters, using)
        if filters.beyond_users():
            rolled = rolled.whole_days()
        whole = set(planned((bounds[0], bounds[-1]), rolled))
        buckets = set(planned(bounds, rolled))
        for pieces, parts, series in (
            (whole & buckets, True, True),
            (whole - buckets, True, False),
            (buckets - whole, False, True),
        ):
            for piece in runs(pieces):
                reader.read(piece, parts=parts, series=series)
    reading.whole = reader.whole()
    return reading


class _Reader:
    """Adds what pieces hold to the buckets of a reading (`series`), and keeps it for its whole (`parts`)."""

    def __init__(self, reading: Reading, filters: Filters, using: str) -> None:
        self._reading = reading
        self._filters = filters
        self._using = using
        self._digests: list[Digest] = []
        self._tally = Tally()

    def whole(self) -> Digest:
        """All that was read for `parts`."""
        return merged([*self._digests, self._tally.digest()])

    def read(self, piece: Piece, *, parts: bool, series: bool) -> None:
        """Raises DatabaseError."""
        if piece.grain is not None:
            self._reading.source = "rollup"
        if piece.grain is None:
            self._read_events(piece, parts=parts, series=series)
        elif self._filters.beyond_users():
            self._read_days(piece, parts=parts, series=series)
        else:
            self._read_digests(piece, parts=parts, series=series)

    def _read_digests(self, piece: Piece, *, parts: bool, series: bool) -> None:
        rows = UsageDigest.objects.using(self._using).filter(
            grain=piece.grain,
            user_id=self._filters.user_id or EVERYBODY,
            start__gte=piece.start,
            start__lt=piece.end,
        )
        if series:
            for start, total in rows.values_list("start", "total"):
                self._reading.buckets[self._bucket(start)] += unpack_total(total, of_bucket=True)
        if parts:
            for total, packed in rows.values_list("total", "parts"):
                self._digests.append(Digest(unpack_total(total), unpack_parts(packed)))

    def _read_days(self, piece: Piece, *, parts: bool, series: bool) -> None:
        rows = DailyRollup.objects.using(self._using).filter(
            self._filters.condition(), day__gte=piece.start.date(), day__lt=piece.end.date()
        )
        for day, cell in days.cells(rows):
            if parts:
                self._tally.add(cell)
            if series:
                self._add_to_bucket(self._bucket(midnight(day)), cell.place.outcome, cell.measures)

    def _read_events(self, piece: Piece, *, parts: bool, series: bool) -> None:
        rows = UsageEventRow.objects.using(self._using).filter(
            self._filters.condition(), at__gte=piece.start, at__lt=piece.end
        )
        first, last = self._bucket(piece.start), self._bucket(piece.end - datetime.resolution)
        if parts:
            for cell in map(Cell.of, counting.counted(rows, *CELL)):
                self._tally.add(cell)
                if series and first == last:
                    self._add_to_bucket(first, cell.place.outcome, cell.measures)
        if series and not (parts and first == last):
            rows = rows.annotate(bucket=_bucket_of(self._reading.bounds, first, last))
            for (bucket,), outcome, measures in counting.counted(rows, "bucket", ttfb=False):
                self._add_to_bucket(bucket, outcome, measures)

    def _bucket(self, moment: datetime) -> int:
        return bisect_right(self._reading.bounds, moment) - 1

    def _add_to_bucket(self, bucket: int, outcome: str, measures: Measures) -> None:
        self._reading.buckets[bucket] += replace(counting.timed(outcome, measures), ttfb=0, positions=0)


def _bucket_of(bounds: tuple[datetime, ...], first: int, last: int) -> Case | Value:
    """In SQL: which of the buckets `first` to `last` a row's time is in, by halving."""
    if first == last:
        return Value(first)
    middle = (first + last + 1) // 2
    return Case(
        When(at__lt=bounds[middle], then=_bucket_of(bounds, first, middle - 1)),
        default=_bucket_of(bounds, middle, last),
    )
