"""What providers' lists changed, for somebody to look at: models that appeared, that vanished, and columns of which the list says something
else than the catalogue or an operator.

The list wins by itself where nobody edited anything (`comparing`). Whoever reviews takes its word over, or leaves what is there; what was
left is remembered with what the list said then, so that it comes back when the list says something new.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, cast

from msgspec import Struct

from apps.core.json_types import JSONValue
from apps.providers.listing.wanting import DEFAULTS
from apps.providers.models import ProviderModel

Kind = Literal["appeared", "vanished", "changed"]
KINDS: Final[tuple[Kind, ...]] = ("appeared", "vanished", "changed")
COLUMNS: Final = tuple(column for column in DEFAULTS if column != "enabled")


class Point(Struct, frozen=True):
    """One thing to look at. Of what changed: the `column`, what the `catalogue` says of it (None: nothing), what the list has `told`, and
    what is in force `now`."""

    row: ProviderModel
    kind: Kind
    column: str = ""
    catalogue: JSONValue = None
    told: JSONValue = None
    now: JSONValue = None

    @property
    def key(self) -> str:
        """What names it in a form: the row's number, the kind and the column."""
        return f"{self.row.pk}:{self.kind}:{self.column}"

    @property
    def is_taken_over(self) -> bool:
        """Whether what the list says is what is in force."""
        return self.kind != "vanished" and self.told == self.now


def points(rows: Iterable[ProviderModel]) -> Iterator[Point]:
    """What nobody has looked at yet, of rows with their providers. Pure."""
    for row in rows:
        seen = row.reviewed if isinstance(row.reviewed, dict) else {}
        if row.vanished_at is not None:
            if (row.shipped or row.listed) and seen.get("vanished") != row.vanished_at.isoformat():
                yield Point(row, "vanished")
        elif row.listed:
            if not row.shipped and "appeared" not in seen:
                yield Point(row, "appeared")
            yield from _changed(row, seen)


def _changed(row: ProviderModel, seen: dict[str, JSONValue]) -> Iterator[Point]:
    left = seen.get("changed")
    left = left if isinstance(left, dict) else {}
    for column in COLUMNS:
        if column not in row.listed:
            continue
        told, now = row.listed[column], cast("JSONValue", row.plain(column))
        declared = row.shipped.get(column, DEFAULTS[column])
        moved = declared not in (told, DEFAULTS[column])  # the list's word stands where the catalogue had one
        if told == now and not moved:
            continue
        if column in left and left[column] == told:
            continue
        yield Point(row, "changed", column, row.shipped.get(column), told, now)


def find(rows: Iterable[ProviderModel], key: str) -> Point | None:
    """The one that is called `key`, if it is still there to be looked at."""
    return next((point for point in points(rows) if point.key == key), None)


def leave(point: Point) -> None:
    """Keep what is in force; not stored."""
    row = point.row
    seen = dict(row.reviewed) if isinstance(row.reviewed, dict) else {}
    if point.kind == "vanished" and row.vanished_at is not None:
        seen["vanished"] = row.vanished_at.isoformat()
    elif point.kind == "appeared":
        seen["appeared"] = True
    else:
        left = seen.get("changed")
        seen["changed"] = {**(left if isinstance(left, dict) else {}), point.column: point.told}
    row.reviewed = seen


def turn(point: Point) -> None:
    """The other of the two: a model that appeared or vanished is turned off, whatever the list says of it from now on; a column gets the
    list's word, or, where it has that already, the catalogue's. Not stored."""
    row = point.row
    if point.kind in ("appeared", "vanished"):
        row.enabled = False
    else:
        value = row.shipped.get(point.column, DEFAULTS[point.column]) if point.is_taken_over else point.told
        field: Any = row._meta.get_field(point.column)
        setattr(row, point.column, field.to_python(value))
    leave(point)
