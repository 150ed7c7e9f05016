"""Usage events in batches, oldest first, as they are exported: one query a batch, nothing held in between."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from apps.analytics.models import UsageEventRow
from apps.analytics.selection import Selection

BATCH: Final = 2_000
COLUMNS: Final = tuple(field.attname for field in UsageEventRow._meta.concrete_fields)
"""As the table has them: costs are whole micro-dollars there."""
Record = tuple[Any, ...]
"""The values of one event, in the order of COLUMNS."""


class Step(NamedTuple):
    """What an export has just written: how many events into which file (None: nowhere in particular), and the last one's id."""

    path: Path | None
    events: int = 0
    last: UUID | None = None


def batches(
    selection: Selection, *, after: UUID | None = None, using: str = "default"
) -> Iterator[list[Record]]:
    """Of what is behind `after`. Each batch is read when it is asked for, along the ids. Raises DatabaseError."""
    rows = selection.only(selection.along_an_index(using)).order_by("id").values_list(*COLUMNS)
    while True:
        batch = list((rows if after is None else rows.filter(id__gt=after))[:BATCH])
        if batch:
            yield batch
            after = batch[-1][0]
        if len(batch) < BATCH:
            return


def plain(record: Record) -> dict[str, Any]:
    """By column, with ids and times as text."""
    return {name: _plain(value) for name, value in zip(COLUMNS, record, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
