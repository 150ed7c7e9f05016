"""Usage events as lines of text: CSV for spreadsheets, JSON for programs. Each event is one line, and tells its id. Pure."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from msgspec import Struct

from apps.analytics.export.records import COLUMNS, Record, plain

Format = Literal["csv", "jsonl"]
# What makes a spreadsheet take a cell for a formula, full-width forms included.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BREAKS: Final = dict.fromkeys((*range(0x20), 0x7F, 0x85, 0x2028, 0x2029), " ")


class Lines(Struct, frozen=True):
    """A way to write events. `head` comes before the first; `line` ends in a newline and holds no other; `identity` reads the id of one,
    and raises ValueError where it is none."""

    head: bytes
    line: Callable[[Record], bytes]
    identity: Callable[[bytes], UUID]


def safe_cell(value: Any) -> str:
    """A cell on one line that no spreadsheet runs as a formula: what begins like one gets an apostrophe, which they do not show."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return ("'" + text if text.startswith(FORMULA) else text).translate(BREAKS)


def _csv_line(record: Record) -> bytes:
    return _csv(map(safe_cell, plain(record).values()))


def _csv(cells: Any) -> bytes:
    buffer = StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode()


def _csv_identity(line: bytes) -> UUID:
    return UUID(line.partition(b",")[0].decode("ascii", "replace"))


def _json_line(record: Record) -> bytes:
    return orjson.dumps(plain(record), option=orjson.OPT_APPEND_NEWLINE)


def _json_identity(line: bytes) -> UUID:
    found = orjson.loads(line)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return UUID(str(found.get("id")))


FORMATS: Final[Mapping[Format, Lines]] = {
    "csv": Lines(_csv(COLUMNS), _csv_line, _csv_identity),
    "jsonl": Lines(b"", _json_line, _json_identity),
}
