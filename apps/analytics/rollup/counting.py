"""Usage events, counted by the database: groups of them with their measures.

Durations come as lists and go into histograms here, so that events on SQLite, events on PostgreSQL and rollups have the same buckets.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson
from django.db.models import Aggregate, Count, F, Q, QuerySet, Sum, TextField

from apps.analytics.events import REFUSED
from apps.analytics.models import UsageEventRow
from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import Measures

ENDED: Final = Q(is_last=True) | Q(request_uuid=None)
"""The events with which requests ended. One from before requests could be counted stands for a request of its own."""
SUCCESS: Final = "success"
CANCELLED: Final = "cancelled"
LAST_POSITION: Final = 100
"""Of the places in a fallback chain that are told apart."""
TOKENS: Final = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")


class Durations(Aggregate):
    """All values of a group that some clock may have measured: a list on PostgreSQL, JSON on SQLite; None where there are none."""

    function = "ARRAY_AGG"
    output_field = TextField()  # which converts nothing

    def __init__(self, name: str) -> None:
        super().__init__(F(name), filter=Q((f"{name}__range", (0, sketch.LONGEST_MS))))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Django's hook."""
        return self.as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **context)


COUNTED: Final = {
    "events": Count("pk"),
    "requests": Sum("stands_for", filter=ENDED, default=0),
    **{f"sum_of_{name}": Sum(name) for name in TOKENS},
    "cost": Sum("cost_microusd", default=0),
    "costed": Count("cost_microusd"),
    "saved": Sum("saved_microusd", default=0),
    "priced": Count("saved_microusd"),
    "latencies": Durations("latency_ms"),
}
TTFBS: Final = Durations("ttfb_ms")


def counted(
    rows: QuerySet[UsageEventRow], *by: str, ttfb: bool = True
) -> Iterator[tuple[tuple[Any, ...], str, Measures]]:
    """The events grouped `by` columns: their values, an outcome, and the measures of the events that have both. A pair may come more than
    once. Times to the first byte are counted if they are asked for. Raises DatabaseError."""
    groups = rows.order_by().values_list(*by, "outcome", "fallback_position").annotate(**COUNTED)
    if ttfb:
        groups = groups.annotate(ttfbs=TTFBS)
    width = len(by)
    for row in groups:
        outcome, position, *counts = row[width:]
        yield row[:width], outcome, _measures(outcome, position, *counts)


def timed(outcome: str, measures: Measures) -> Measures:
    """The measures, with durations only if these events were answers: a failure within a millisecond makes no pool fast."""
    return measures if outcome == SUCCESS else measures.untimed()


def _measures(outcome: str, position: int, events: int, requests: int, *counts: Any) -> Measures:
    prompt, completion, cached, reasoning, cost, costed, saved, priced, latencies, *ttfbs = counts
    attempts, refusals = (0, requests) if outcome == REFUSED else (events, 0)
    is_success, is_cancelled, is_fallback = outcome == SUCCESS, outcome == CANCELLED, position > 1
    latencies_ms = _listed(latencies)
    return Measures(
        attempts=attempts,
        attempt_successes=attempts * is_success,
        attempt_cancellations=attempts * is_cancelled,
        attempt_fallbacks=attempts * is_fallback,
        requests=requests,
        successes=requests * is_success,
        cancellations=requests * is_cancelled,
        refusals=refusals,
        fallbacks=requests * is_fallback,
        rescues=requests * (is_fallback and is_success),
        prompt_tokens=int(prompt),
        completion_tokens=int(completion),
        cached_tokens=int(cached),
        reasoning_tokens=int(reasoning),
        cost_microusd=int(cost),
        saved_microusd=int(saved),
        cost_unknown=max(0, attempts - costed),
        saved_unknown=max(0, attempts - priced),
        latency_us=sum([round(value * 1000) for value in latencies_ms]),
        latency=sketch.histogram(latencies_ms),
        ttfb=sketch.histogram(_listed(ttfbs[0])) if ttfbs else 0,
        positions=(requests - refusals) << sketch.BITS * min(position, LAST_POSITION),
    )


def _listed(durations: list[float] | str | None) -> list[float]:
    return orjson.loads(durations) if isinstance(durations, str) else durations or []
