"""What providers' lists changed, as the catalogue review shows it."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import Q, QuerySet
from msgspec import Struct

from apps.console.words import count, cut, price
from apps.core.json_types import JSONValue
from apps.providers.listing.review import KINDS, Kind, Point, points
from apps.providers.models import ProviderModel

MOST: Final = 200
MOST_ROWS: Final = 5_000
TITLES: Final[Mapping[Kind, str]] = {"appeared": "Appeared", "vanished": "Vanished", "changed": "Changed"}
COLUMNS: Final = {
    "task": "task",
    "capabilities": "what it can do",
    "context_window": "context window",
    "max_output_tokens": "longest answer",
    "prompt_microusd": "price in, a million tokens",
    "completion_microusd": "price out, a million tokens",
    "tags": "tags",
    "access": "what it takes",
    "retires_at": "when it ends",
}
MONEY: Final = ("prompt_microusd", "completion_microusd")


class Line(Struct, frozen=True):
    """A point in words."""

    point: Point
    what: str
    catalogue: str
    told: str
    now: str


class Review(Struct, frozen=True):
    """`lines`: of one kind, at most MOST. `counts`: of each. `providers`: names of those that have any."""

    lines: Sequence[Line]
    shown: Kind
    counts: Mapping[Kind, int]
    providers: Sequence[str]


def review_of(shown: str, provider: str) -> Review:
    """What nobody has looked at, of one provider or of all; one query."""
    found = list(points(rows()))
    providers = sorted({point.row.provider.name for point in found})
    found = [point for point in found if provider in ("", point.row.provider.name)]
    counts: dict[Kind, int] = {kind: sum(point.kind == kind for point in found) for kind in KINDS}
    first = next((kind for kind in KINDS if counts[kind]), KINDS[0])
    chosen: Kind = next((kind for kind in KINDS if kind == shown), first)
    lines = [_line(point) for point in found if point.kind == chosen][:MOST]
    return Review(lines, chosen, counts, providers)


def rows() -> QuerySet[ProviderModel]:
    """Those of which a list can have said something."""
    known = Q(vanished_at__isnull=False) | ~Q(listed={})
    return (
        ProviderModel.objects.filter(known, enabled=True)
        .select_related("provider")
        .order_by("provider__name", "name")[:MOST_ROWS]
    )


def words(column: str, value: JSONValue) -> str:
    """A column's value for people."""
    if value in (None, "", [], 0):
        return "–"
    if column in MONEY and isinstance(value, int):
        return price(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return count(value)
    return cut(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _line(point: Point) -> Line:
    row = point.row
    if point.kind == "appeared":
        able = words("capabilities", row.capabilities)
        context = (
            f"{count(row.context_window)} tokens of context" if row.context_window else "context not known"
        )
        return Line(
            point, f"{row.task}, {context}", "–", able, "offered" if row.is_known() else "only when named"
        )
    if point.kind == "vanished":
        return Line(point, row.task, "–", "not listed any more", "closed")
    what = COLUMNS.get(point.column, point.column)
    said = [words(point.column, value) for value in (point.catalogue, point.told, point.now)]
    return Line(point, what, *said)
