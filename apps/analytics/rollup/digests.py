"""What a report says of some events: a total, and the same by each dimension."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from apps.analytics.rollup.counting import timed
from apps.analytics.rollup.measures import NOTHING, Measures, Stored, summed

CELL: Final = ("user_id", "provider", "model", "strategy", "client_id", "error_kind")
"""The columns that `counting.counted` groups by for cells."""
BY_END: Final = frozenset({"outcome", "error_kind"})
"""Dimensions whose rows are of one end each: durations are those of all their attempts."""

MOST_MODELS: Final = 1000
OTHER: Final = "(other)"

Packed = bytes | memoryview
Parts = dict[str, dict[str, Measures]]
"""By dimension and key. A client's key is its number as text."""


class Place(NamedTuple):
    """Where events count that agree in all dimensions. `provider` is "" in those of refused requests."""

    user_id: int
    provider: str
    model: str
    strategy: str
    client_id: int | None
    error_kind: str
    outcome: str

    def dimensions(self) -> Iterator[tuple[str, str]]:
        """Each, and its key there. What was refused before any attempt has neither provider nor model."""
        if self.provider:
            yield "provider", self.provider
            yield "model", self.model
        yield "strategy", self.strategy
        yield "client", "" if self.client_id is None else str(self.client_id)
        yield "outcome", self.outcome
        if self.error_kind:
            yield "error_kind", self.error_kind


class Cell(NamedTuple):
    """What events come to that are of one place."""

    place: Place
    measures: Measures

    @classmethod
    def of(cls, group: tuple[tuple[Any, ...], str, Measures]) -> "Cell":
        """From a group by `CELL`."""
        (user_id, provider, model, strategy, client_id, error_kind), outcome, measures = group
        place = Place(user_id, provider, model, strategy, client_id, error_kind, outcome)
        return cls(place, measures)


class Digest(Struct, frozen=True):
    """Times to the first byte and places in the fallback chain are in the total only."""

    total: Measures = NOTHING
    parts: Parts = {}


class Tally:
    """Adds cells up: a day and a fallback position are no dimensions, so that many are of the same one."""

    def __init__(self) -> None:
        self._sums: dict[Place, Measures] = {}

    def add(self, cell: Cell) -> None:
        known = self._sums.get(cell.place)
        self._sums[cell.place] = cell.measures if known is None else known + cell.measures

    def digest(self) -> Digest:
        """Of all that was added."""
        total: list[Measures] = [NOTHING]
        parts: dict[str, dict[str, list[Measures]]] = {}
        for place, measures in self._sums.items():
            of_answers = timed(place.outcome, measures)
            total.append(of_answers)
            for dimension, key in place.dimensions():
                told = replace(measures if dimension in BY_END else of_answers, ttfb=0, positions=0)
                parts.setdefault(dimension, {}).setdefault(key, []).append(told)
        return Digest(summed(total), _summed(parts))


def by_user(cells: Iterable[Cell]) -> dict[int, Digest]:
    """A digest for each user that has any cell."""
    tallies: dict[int, Tally] = defaultdict(Tally)
    for cell in cells:
        tallies[cell.place.user_id].add(cell)
    return {user_id: tally.digest() for user_id, tally in tallies.items()}


def merged(digests: Sequence[Digest]) -> Digest:
    """All of them in one."""
    parts: dict[str, dict[str, list[Measures]]] = {}
    for digest in digests:
        for dimension, rows in digest.parts.items():
            found = parts.setdefault(dimension, {})
            for key, measures in rows.items():
                found.setdefault(key, []).append(measures)
    return Digest(summed([NOTHING, *(digest.total for digest in digests)]), _summed(parts))


def _summed(parts: Mapping[str, Mapping[str, Sequence[Measures]]]) -> Parts:
    return {dimension: {key: summed(many) for key, many in rows.items()} for dimension, rows in parts.items()}


def pack_total(measures: Measures) -> bytes:
    return msgspec.msgpack.encode(Stored.of(measures))


def unpack_total(stored: Packed, *, of_bucket: bool = False) -> Measures:
    """What was packed, or as much of it as a bucket tells. Raises msgspec.DecodeError, ValueError."""
    return _TOTAL.decode(stored).measures(of_bucket=of_bucket)


def pack_parts(parts: Parts) -> bytes:
    """Clients name models as they like: of more than MOST_MODELS the rest is one."""
    packed = {
        dimension: {
            key: Stored.of(measures)
            for key, measures in (_bounded(rows) if dimension == "model" else rows).items()
        }
        for dimension, rows in parts.items()
    }
    return msgspec.msgpack.encode(packed)


def _bounded(rows: dict[str, Measures]) -> dict[str, Measures]:
    if len(rows) <= MOST_MODELS:
        return rows
    ordered = sorted(rows, key=lambda key: (key != OTHER, rows[key].attempts), reverse=True)
    kept = {key: rows[key] for key in ordered[: MOST_MODELS - 1]}
    return kept | {OTHER: summed([rows[key] for key in ordered[MOST_MODELS - 1 :]])}


def unpack_parts(stored: Packed) -> Parts:
    """What was packed. Raises msgspec.DecodeError, ValueError."""
    return {
        dimension: {key: row.measures() for key, row in rows.items()}
        for dimension, rows in _PARTS.decode(stored).items()
    }


_TOTAL = msgspec.msgpack.Decoder(Stored)
_PARTS = msgspec.msgpack.Decoder(dict[str, dict[str, Stored]])
