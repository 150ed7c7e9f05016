"""From spool segments into `usage_events`.

A replay is harmless, and so is any order: a final row stays as it is, an interrupted one gives way to a final one, and what is known not to
be its request's last is never the last again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connections, models, transaction
from msgspec.structs import replace

from apps.analytics import metrics
from apps.analytics.events import UsageEvent
from apps.analytics.models import UsageEventRow
from apps.analytics.rollup.marks import mark
from apps.analytics.segments import encode, read_events, set_aside
from apps.analytics.upsert import upsert
from apps.core.redaction import scrub

log = structlog.get_logger("freeai.usage")

BATCH = 2_000  # at 2,000 events a second one turn of the database every half second
OnWritten = Callable[[Sequence[UsageEvent]], None]
REFUSALS = (
    DataError,
    IntegrityError,
    OverflowError,
    ValueError,
)  # the event's own fault: another try changes nothing


def drain(
    segment: Path, *, dead: bool, using: str = "default", on_written: OnWritten | None = None
) -> Iterator[int]:
    """Write one segment's events, a batch at every step; yields how many. The segment may be deleted afterwards.

    Attempts without an end are written as they stand if the process is dead (their end, in a later segment, replaces that); a live one
    carries them over. `on_written` gets each batch after its commit, and may get one again after a failure.
    Raises django.db.Error and OSError.
    """
    followed: set[str] = set()
    events = _to_write(segment, followed, dead=dead)
    while batch := list(islice(events, BATCH)):
        write(batch, using=using, root=segment.parent.parent, on_written=on_written)
        yield len(batch)
    if followed and dead:
        _not_the_last(followed, using)


def _to_write(segment: Path, followed: set[str], *, dead: bool) -> Iterator[UsageEvent]:
    """Ended events as they come, then (of a dead process) those that never did. Holds only the open ones. `followed` gets the ids of
    those whose successor began, while their own line that says so has not come: a kill may have cut it off."""
    open_: dict[str, UsageEvent] = {}
    for event in read_events(segment):
        if event.follows:
            followed.add(event.follows)
        if event.outcome == "interrupted" or event.is_open:
            open_[event.id] = event
        else:
            open_.pop(event.id, None)
            followed.discard(event.id)
            yield event
    if dead:
        yield from open_.values()


def write(
    batch: Sequence[UsageEvent], *, using: str, root: Path, on_written: OnWritten | None = None
) -> None:
    """Write a batch, and tell who wants to know. What the database refuses is set aside. Raises django.db.Error."""
    _write(batch, using, root)
    if on_written is not None:
        _tell(on_written, batch)


def _write(batch: Sequence[UsageEvent], using: str, root: Path) -> None:
    """One transaction; if the database refuses an event, one for each half, until that event is alone."""
    try:
        upsert(batch, using)
        metrics.usage_events_written(len(batch))
    except REFUSALS:
        if len(batch) == 1:
            _write_one(batch[0], using, root)
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            _write(half, using, root)


def _write_one(event: UsageEvent, using: str, root: Path) -> None:
    try:
        upsert([_fitted(event)], using)
        metrics.usage_events_written(1)
    except REFUSALS as error:
        metrics.usage_event_refused()
        log.error("usage.event_refused", id=event.id, error=scrub(str(error)))
        set_aside(root, encode(event))


def _not_the_last(ids: Iterable[str], using: str) -> None:
    """Take the mark from rows: those of attempts that a kill followed closely, so few."""
    for each in ids:
        try:
            last = UsageEventRow.objects.using(using).filter(pk=each, is_last=True)
            with transaction.atomic(using=using), connections[using].cursor() as cursor:
                mark(cursor, [at.timestamp() for at in last.values_list("at", flat=True)])
                last.update(is_last=False)
        except (*REFUSALS, ValidationError) as error:  # the latter: what is no id
            log.error("usage.event_refused", id=each[:40], error=scrub(str(error)))


def _fitted(event: UsageEvent) -> UsageEvent:
    """The event with texts that fit: PostgreSQL takes no NUL and nothing longer than the column."""
    changes: dict[str, str] = {}
    for field in UsageEventRow._meta.concrete_fields:
        if isinstance(field, models.CharField):
            text: str = getattr(event, field.name)
            changes[field.name] = text.replace("\0", "")[: field.max_length]
    return replace(event, **changes)


def _tell(on_written: OnWritten, batch: Sequence[UsageEvent]) -> None:
    try:
        on_written(batch)
    except Exception:  # a listener's fault must not stop the ledger
        log.exception("usage.listener_failed")
