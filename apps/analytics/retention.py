"""How long usage events are kept."""

from datetime import UTC, datetime, timedelta

from apps.analytics.models import UsageEventRow
from apps.core import clock

KEEP_DAYS = 90
BATCH = 5_000


def purge(now: float, *, days: int = KEEP_DAYS, budget_s: float | None = None, using: str = "default") -> int:
    """Delete events older than `days`, oldest first, in batches; begin no batch after `budget_s`.

    Returns how many went. Raises DatabaseError.
    """
    cutoff = datetime.fromtimestamp(now, UTC) - timedelta(days=days)
    stop_at = clock.monotonic() + budget_s if budget_s is not None else float("inf")
    rows = UsageEventRow.objects.using(using)
    deleted = 0
    while True:
        oldest = rows.filter(at__lt=cutoff).order_by("at").values("pk")[:BATCH]
        count, _ = rows.filter(pk__in=oldest).delete()
        deleted += count
        if count < BATCH or clock.monotonic() >= stop_at:
            return deleted
