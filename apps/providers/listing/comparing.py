"""What a list changes: the rows of a provider's models beside what one key was shown. Writes nothing.

The catalogue's word is below the list's, and an operator's edit above both: a column that does not say what the upper of the two said last
was edited, and stays. Rows that an operator added are left alone. A list that is cut, empty or suddenly short closes nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.providers.listing.reading import Listed, Reading
from apps.providers.listing.wanting import DEFAULTS, Wanted, wanted
from apps.providers.models import Provider, ProviderModel

MAX_ROWS: Final = 3_000
MAX_SHOWN: Final = 500
SHORT: Final = 3
"""A list with less than one in so many of the entries that it had is taken for a fault of the provider."""


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a list changed or would change, by the models' names, in `kept` followed by `.column`: where an edit stands against the list.

    `returned`: models that had vanished. `withheld`: those that this key is not shown and others may be. `passed_over`: what does
    nothing that is served, or is on its way out. `doubts`: why nothing was closed.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything is offered otherwise than before."""
        return bool(self.added or self.updated or self.vanished or self.returned)

    def as_json(self) -> JSONObject:
        """Names beyond the first MAX_SHOWN are left out."""
        return {name: names[:MAX_SHOWN] for name, names in asdict(self).items()}

    def merge(self, other: "Summary") -> None:
        """Add what another key's list changed; what several say is said once."""
        for each in fields(self):
            mine = getattr(self, each.name)
            mine.extend(name for name in getattr(other, each.name) if name not in mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered of earlier lists. `withheld`: names that this key was not shown; `elsewhere`: for each other key whose list was
    read lately, the names that it was not shown. `size`: entries of this key's last list, 0 without one. `is_short_again`: its last list
    was short too, long enough ago."""

    withheld: frozenset[str] = frozenset()
    elsewhere: tuple[Collection[str], ...] = ()
    size: int = 0
    is_short_again: bool = False


class Changes:
    """The rows to write, and what that amounts to. `withheld`: None where the list says nothing of what is missing."""

    def __init__(
        self,
        provider: Provider,
        rows: Iterable[ProviderModel],
        reading: Reading,
        memory: Memory,
        covers: frozenset[str],
        now: datetime,
    ) -> None:
        self.summary = Summary()
        self.new: list[ProviderModel] = []
        self.changed: list[ProviderModel] = []
        self.withheld: list[str] | None = None
        self._provider = provider
        self._now = now
        self._rows: Mapping[str, ProviderModel] = {row.name: row for row in rows}
        self.seen = [row for row in self._rows.values() if row.name in reading.names]
        self._touched: set[str] = set()
        self._added: set[str] = set()
        for listed in reading.models:
            self._compare(listed)
        for row in self.seen:
            self._return(row)
        self.is_short = self._is_short(reading, memory)
        if not self.is_doubtful:
            self._close(reading, memory, covers)

    @property
    def is_doubtful(self) -> bool:
        """Whether absence from the list means nothing."""
        return bool(self.summary.doubts)

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed)

    def _compare(self, listed: Listed) -> None:
        row = self._rows.get(listed.name)
        if row is not None and not (row.shipped or row.listed):
            return  # an operator's own
        want = wanted(listed, row.shipped if row else {}, self._provider.access, self._provider.wire)
        if row is not None:
            if want is not None:
                self._follow(row, want)
        elif want is None or listed.is_deprecated or not self._has_room():
            self.summary.passed_over.append(listed.name)
        elif not any(alias in self._rows or alias in self._added for alias in listed.aliases):
            self._add(listed.name, want)

    def _has_room(self) -> bool:
        return len(self._rows) + len(self.new) < MAX_ROWS

    def _add(self, name: str, want: Wanted) -> None:
        row = ProviderModel(provider=self._provider, name=name, seen_at=self._now)
        for column, value in want.columns.items():
            setattr(row, column, _stored(column, value))
        row.listed, row.inferred = want.columns, list(want.inferred)
        self.new.append(row)
        self._added.add(name)
        self.summary.added.append(name)

    def _follow(self, row: ProviderModel, want: Wanted) -> None:
        """Move the columns that nobody edited to what the list says, or back to the catalogue's where it says no more."""
        moved = False
        for column, default in DEFAULTS.items():
            current = row.plain(column)
            target = want.columns.get(column, row.shipped.get(column, default))
            if is_edited(row, column):
                if column in want.columns and current != target:
                    self.summary.kept.append(f"{row.name}.{column}")
            elif current != target:
                setattr(row, column, _stored(column, target))
                moved = True
        if moved:
            self.summary.updated.append(row.name)
        if moved or row.listed != want.columns or row.inferred != list(want.inferred):
            row.listed, row.inferred = want.columns, list(want.inferred)
            self._touch(row)

    def _return(self, row: ProviderModel) -> None:
        if row.vanished_at is not None:
            row.vanished_at = None
            self.summary.returned.append(row.name)
            self._touch(row)

    def _is_short(self, reading: Reading, memory: Memory) -> bool:
        """Whether the list is suddenly short; notes all doubts that it may be less than what there is."""
        before = memory.size or sum(
            row.vanished_at is None and _is_subject(row) for row in self._rows.values()
        )
        if not reading.models:
            self.summary.doubts.append("The list is empty.")
        elif not reading.is_whole:
            self.summary.doubts.append("The list has no end that could be read.")
        elif len(reading.models) * SHORT < before and not memory.is_short_again:
            self.summary.doubts.append(f"The list has {len(reading.models)} models, and had {before}.")
            return True
        return False

    def _close(self, reading: Reading, memory: Memory, covers: frozenset[str]) -> None:
        """What the list does not show is withheld from this key, and has vanished where no other key is shown it either."""
        missing = [
            row
            for row in self._rows.values()
            if _is_subject(row) and row.task in covers and row.name not in reading.names
        ]
        self.withheld = sorted(row.name for row in missing)
        for row in missing:
            if row.vanished_at is None and all(row.name in withheld for withheld in memory.elsewhere):
                row.vanished_at = self._now
                self.summary.vanished.append(row.name)
                self._touch(row)
            elif row.vanished_at is None and row.name not in memory.withheld:
                self.summary.withheld.append(row.name)

    def _touch(self, row: ProviderModel) -> None:
        if row.name not in self._touched:
            self._touched.add(row.name)
            self.changed.append(row)


def _is_subject(row: ProviderModel) -> bool:
    """Whether a list can close it: neither an operator's own, nor off and never seen."""
    return bool(row.shipped or row.listed) and (row.enabled or row.seen_at is not None)


def is_edited(row: ProviderModel, column: str) -> bool:
    """Whether the column says something else than the list did last, or the catalogue where the list said nothing."""
    said = next(
        (source[column] for source in (row.listed, row.shipped) if column in source), DEFAULTS[column]
    )
    return bool(row.plain(column) != said)


def _stored(column: str, value: Any) -> Any:
    """As the column holds it."""
    return date.fromisoformat(value) if column == "retires_at" and value else value
