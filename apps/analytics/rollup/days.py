"""The daily rollup: a row for each cell of a UTC day, as `usage_daily_rollup` has it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

import msgspec
from django.db.models import Count, Max, QuerySet
from msgspec import Struct

from apps.analytics.events import UNCHARGED
from apps.analytics.models import DailyRollup, UsageEventRow
from apps.analytics.rollup import counting
from apps.analytics.rollup.digests import CELL, Cell, Place
from apps.analytics.rollup.measures import NOTHING, Measures, Stored

KEY = CELL[:-1]
"""What the rows of a day differ in; the outcome and the kind of error are within them."""
COLUMNS = frozenset(field.name for field in DailyRollup._meta.concrete_fields)
COUNTS = tuple(name for name in Measures.__struct_fields__ if name in COLUMNS)

Key = tuple[Any, ...]
Ends = dict[str, dict[str, Stored]]
"""Measures by outcome and error kind."""


class Taken(Struct):
    """`latest`: the time of the last event. `charged`: what the events took of windows that count neither requests nor tokens."""

    latest: datetime
    charged: Counter[str] = msgspec.field(default_factory=Counter)


def rolled_up(day: date, events: QuerySet[UsageEventRow]) -> list[DailyRollup]:
    """The rows of a day from its events, not saved. Raises DatabaseError."""
    by_key: dict[Key, list[Cell]] = defaultdict(list)
    for cell in map(Cell.of, counting.counted(events, *CELL)):
        by_key[cell.place[: len(KEY)]].append(cell)
    taken = _taken(
        events
    )  # read later, so that it has all of these, and perhaps more, which have left a mark
    return [_row(day, of_key, taken[key]) for key, of_key in by_key.items() if key in taken]


def cells(rows: QuerySet[DailyRollup]) -> Iterator[tuple[date, Cell]]:
    """What the rows were made of, with the day of each. Raises DatabaseError, msgspec.DecodeError."""
    columns = rows.order_by().values_list("day", *KEY, "ends")
    for day, user_id, provider, model, strategy, client_id, ends in columns.iterator(chunk_size=2_000):
        for outcome, kinds in _ENDS.decode(ends).items():
            for kind, stored in kinds.items():
                place = Place(user_id, provider, model, strategy, client_id or None, kind, outcome)
                yield day, Cell(place, stored.measures())


def _taken(events: QuerySet[UsageEventRow]) -> dict[Key, Taken]:
    found: dict[Key, Taken] = {}
    groups = events.order_by().values_list(*KEY, "charged").annotate(events=Count("pk"), latest=Max("at"))
    for *values, charged, count, latest in groups.iterator(chunk_size=2_000):
        taken = found.setdefault(tuple(values), Taken(latest))
        taken.latest = max(taken.latest, latest)
        for metric, amount in charged.items():
            taken.charged[metric] += amount * count
    return found


def _row(day: date, cells: Iterable[Cell], taken: Taken) -> DailyRollup:
    whole, charged_attempts = NOTHING, 0
    ends: dict[tuple[str, str], Measures] = defaultdict(lambda: NOTHING)
    for place, measures in cells:
        whole += measures
        charged_attempts += 0 if place.error_kind in UNCHARGED else measures.attempts
        ends[place.outcome, place.error_kind] += measures
    stored: Ends = defaultdict(dict)
    for (outcome, error_kind), measures in ends.items():
        stored[outcome][error_kind] = Stored.of(measures)
    return DailyRollup(
        day=day,
        user_id=place.user_id,
        provider=place.provider,
        model=place.model,
        strategy=place.strategy,
        client_id=place.client_id or 0,
        charged_attempts=charged_attempts,
        charged=taken.charged,
        latest=taken.latest,
        ends=msgspec.msgpack.encode(stored),
        **{name: getattr(whole, name) for name in COUNTS},
    )


_ENDS = msgspec.msgpack.Decoder(Ends)
