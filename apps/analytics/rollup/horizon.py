"""Where the events begin: what was before is told by rollups alone, and nothing changes those any more."""

from datetime import date, datetime, timedelta

from apps.analytics.models import LedgerHorizon
from apps.core.moments import midnight


def horizon(using: str) -> datetime | None:
    """The midnight of UTC before which events are gone, or about to go; None while all are kept. Raises DatabaseError."""
    row = LedgerHorizon.objects.using(using).filter(day__isnull=False).order_by("-day").first()
    return midnight(row.day) if row and row.day else None


def move_to(day: date, using: str) -> None:
    """Events from before that day may go now. It never moves back. Raises DatabaseError."""
    rows = LedgerHorizon.objects.using(using)
    rows.get_or_create(pk=1)
    if rows.filter(day__isnull=False).exists():
        rows.filter(day__lt=day).update(day=day)
    else:
        rows.filter(day__isnull=True).update(day=day)


def believed(today: date, using: str) -> date:
    """Today; but no later than the day after the one at which the schedule last asked.

    A clock that is years ahead for some hours would have all events deleted; one that is right is believed within days, after however
    long a pause. Raises DatabaseError.
    """
    row, _ = LedgerHorizon.objects.using(using).get_or_create(pk=1)
    if row.seen is not None:
        today = min(today, row.seen + timedelta(days=1))
    LedgerHorizon.objects.using(using).filter(pk=1).update(seen=today)
    return today
