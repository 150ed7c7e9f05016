"""Usage events as Parquet: a file a UTC day in a folder, each under its own name only when it is whole.

A day that is there is passed over, so that an export that was killed goes on with the day in which it stopped. Needs pyarrow, which serving
does not: see requirements/export.in.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson
from django.db import models
from msgspec.structs import replace

from apps.analytics.export.files import NotOursError
from apps.analytics.export.records import COLUMNS, Record, Step, batches
from apps.analytics.models import UsageEventRow
from apps.analytics.selection import Selection
from apps.core import moments

if TYPE_CHECKING:
    import pyarrow

MISSING: Final = "Parquet needs pyarrow: make parquet, or pip install --no-deps --require-hashes -r requirements/export.txt."
BATCHES_A_GROUP: Final = 10
"""Batches of records in a row group: what is in memory at once."""
WHAT: Final = b"freeai.export"


class MissingError(Exception):
    """pyarrow is not installed."""


def write_days(folder: Path, selection: Selection, what: str, *, using: str = "default") -> Iterator[Step]:
    """Write the days from `selection.since` to `.until`, which it has: a step a file, of no events where it was there already; days
    without events have none. `what`: the export in words, for a file to tell that it belongs to it.

    Raises MissingError, NotOursError, OSError, DatabaseError.
    """
    try:
        import pyarrow  # noqa: F401 - an extra
    except ImportError:
        raise MissingError(MISSING) from None
    folder.mkdir(parents=True, exist_ok=True)
    for day in _days(selection):
        assert day.since is not None  # noqa: S101 - `_days` says so
        path = folder / f"usage-{day.since.date().isoformat()}.parquet"
        told = f"{what} from {day.since} to {day.until}".encode()
        if path.exists():
            _check(path, told)
            yield Step(path)
        elif (step := _write(path, day, told, using)).events:
            yield step


def _days(selection: Selection) -> Iterator[Selection]:
    """A selection for each day that it touches."""
    since, until = selection.since, selection.until
    if since is None or until is None:
        raise ValueError("An export by days has a beginning and an end.")
    while since < until:
        ends = min(moments.midnight(since.date()) + timedelta(days=1), until)
        yield replace(selection, since=since, until=ends)
        since = ends


def _check(path: Path, told: bytes) -> None:
    """Raises NotOursError where the file is of another export."""
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import read_schema

    try:
        known = (read_schema(path).metadata or {}).get(WHAT)
    except ArrowInvalid:
        known = None
    if known != told:
        raise NotOursError(f"{path} holds something else. Choose another folder, or move it away.")


def _write(path: Path, day: Selection, told: bytes, using: str) -> Step:
    from pyarrow.parquet import ParquetWriter

    found = batches(day, using=using)
    first = next(found, None)
    if first is None:
        return Step(path)
    schema = _schema().with_metadata({WHAT: told})
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    events, last = 0, None
    try:
        with ParquetWriter(part, schema, compression="zstd") as writer:
            everything = chain([first], found)
            while some := list(islice(everything, BATCHES_A_GROUP)):
                records = [record for batch in some for record in batch]
                writer.write_table(_table(records, schema))
                events, last = events + len(records), records[-1][0]
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return Step(path, events, last)


def _schema() -> "pyarrow.Schema":
    return _arrow().schema([(field.attname, _type(field)) for field in UsageEventRow._meta.concrete_fields])


def _type(field: "models.Field[Any, Any]") -> "pyarrow.DataType":
    """Ids and JSON are text: not every reader knows types for them."""
    arrow = _arrow()
    match field:
        case models.DateTimeField():
            return arrow.timestamp("us", tz="UTC")
        case models.BooleanField():
            return arrow.bool_()
        case models.FloatField():
            return arrow.float64()
        case models.IntegerField():
            return arrow.int64()
        case _:
            return arrow.string()


def _table(records: list[Record], schema: "pyarrow.Schema") -> "pyarrow.Table":
    arrow = _arrow()
    columns = zip(*records, strict=True)
    return arrow.Table.from_arrays(
        [
            arrow.array(map(_value, column), type=schema.field(name).type)
            for name, column in zip(COLUMNS, columns, strict=True)
        ],
        schema=schema,
    )


def _value(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def _arrow() -> Any:
    import pyarrow

    return pyarrow
