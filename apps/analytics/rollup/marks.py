"""Which hours the ledger was written to since they were last rolled up.

A mark is written in the transaction that writes the events: whoever sees it sees them. It goes when the hour was rolled up, unless
somebody wrote again meanwhile. Each process has marks of its own, so that none waits for another's transaction.
"""

import os
import socket
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Final

from django.db.backends.utils import CursorWrapper

from apps.analytics.models import UnrolledHour
from apps.analytics.rollup.spans import HOUR, start_of
from apps.core.ids import uuid7

_MARK: Final = (
    "INSERT INTO usage_unrolled_hours (hour, writer, batch) VALUES (%s, %s, %s)"
    " ON CONFLICT (hour, writer) DO UPDATE SET batch = excluded.batch"
)
A_NAME: Final = 60  # of a host


def mark(cursor: CursorWrapper, moments: Iterable[float]) -> None:
    """Within the transaction of `cursor`, which writes events of these `moments` (UTC epoch seconds). Raises DatabaseError."""
    hours = sorted({start_of(HOUR, datetime.fromtimestamp(moment, UTC)) for moment in moments})
    adapt = cursor.db.ops.adapt_datetimefield_value
    writer, batch = f"{os.getpid()}@{socket.gethostname()[:A_NAME]}", uuid7()
    cursor.executemany(_MARK, [(adapt(hour), writer, batch) for hour in hours])


def marked_hours(since: datetime, until: datetime, using: str) -> set[datetime]:
    """The hours from `since` to before `until` that have a mark. Raises DatabaseError."""
    hours = UnrolledHour.objects.using(using).filter(hour__gte=since, hour__lt=until)
    return set(hours.values_list("hour", flat=True))


def take_off(marks: Collection[UnrolledHour], using: str) -> None:
    """The marks as they were read, but for those that were written again. Raises DatabaseError."""
    for one in marks:
        UnrolledHour.objects.using(using).filter(pk=one.pk, batch=one.batch).delete()
