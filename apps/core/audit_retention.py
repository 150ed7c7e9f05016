"""How long the audit is kept: what people changed, and the admin site's own history."""

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Model

from apps.core import clock

BATCH: Final = 500
"""Rows a statement: on SQLite nobody else writes meanwhile."""


def purge(now: float, *, days: int, budget_s: float | None = None) -> int:
    """Delete entries older than `days`, oldest first, in batches; begin no batch after `budget_s`. 0 days: keep them for good.

    Returns how many went. Raises DatabaseError.
    """
    from auditlog.models import LogEntry  # late: `core` is imported while the apps are
    from django.contrib.admin.models import LogEntry as AdminEntry

    if not days:
        return 0
    cutoff = datetime.fromtimestamp(now, UTC) - timedelta(days=days)
    stop_at = clock.monotonic() + budget_s if budget_s is not None else float("inf")
    deleted = 0
    for kind, moment in ((LogEntry, "timestamp"), (AdminEntry, "action_time")):
        while count := _purge_batch(kind, moment, cutoff):
            deleted += count
            if clock.monotonic() >= stop_at:
                return deleted
    return deleted


def _purge_batch(kind: type[Model], moment: str, cutoff: datetime) -> int:
    rows = kind._default_manager.filter(**{f"{moment}__lt": cutoff}).order_by(moment, "pk")
    deleted, _ = kind._default_manager.filter(pk__in=list(rows.values_list("pk", flat=True)[:BATCH])).delete()
    return deleted
