"""How long rollups are kept: hours as long as the events that they are made of, days and months for two years."""

from datetime import UTC, datetime
from typing import Final

from django.db.models import Model, QuerySet

from apps.analytics.models import DailyRollup, UsageDigest
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.pending import oldest
from apps.analytics.rollup.spans import DAY, HOUR, MONTH
from apps.core import clock

BATCH: Final = 500


def expire(now: float, *, budget_s: float, using: str = "default") -> int:
    """Delete what is past its time, in batches; begin none after `budget_s`. Returns how many rows went. Raises DatabaseError."""
    stop_at, first = clock.monotonic() + budget_s, oldest(datetime.fromtimestamp(now, UTC))
    digests, days = UsageDigest.objects.using(using), DailyRollup.objects.using(using)
    limit = horizon(using) or first
    return sum(
        _delete(rows, stop_at)
        for rows in (
            digests.filter(grain=HOUR, start__lt=limit),
            digests.filter(grain=DAY, start__lt=first),
            digests.filter(grain=MONTH, until__lte=first),
            days.filter(day__lt=first.date()),
        )
    )


def _delete(rows: QuerySet[Model], stop_at: float) -> int:
    deleted = 0
    while clock.monotonic() < stop_at:
        ids = list(rows.values_list("pk", flat=True)[:BATCH])
        deleted += rows.filter(pk__in=ids).delete()[0]
        if len(ids) < BATCH:
            break
    return deleted
