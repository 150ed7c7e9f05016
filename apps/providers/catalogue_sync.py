"""Bringing the catalogue into the database: a three-way comparison, so that an operator's edits survive.

Every row keeps in `shipped` what the catalogue said last. A column that still says so follows the catalogue;
one that differs was edited, and stays. What the catalogue lists no more is disabled by the same rule: an
operator who enables it again has the last word. Custom providers, and models that an operator added, are left
alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from apps.core.json_types import JSONObject
from apps.core.models import SnapshotVersion
from apps.core.snapshot import announce
from apps.providers.catalogue_files import ProviderEntry, read_catalogue
from apps.providers.models import Provider, ProviderModel
from apps.providers.offers import CATALOGUE

Row = Provider | ProviderModel
R = TypeVar("R", Provider, ProviderModel)


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a sync changed or would change: `provider`, `provider/model`, in `kept` followed by `.column`.

    `kept`: columns where an edit stands against the catalogue. `skipped`: custom providers that bear the name
    of one in the catalogue.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class Changes:
    """The rows to write, found by comparing `catalogue` with the database, and what that amounts to."""

    def __init__(self, catalogue: Sequence[ProviderEntry]) -> None:
        """Two queries, whatever the size; writes nothing. Raises DatabaseError."""
        self.summary = Summary()
        self.new: list[Row] = []
        self.changed: list[Row] = []
        self._providers = {row.name: row for row in Provider.objects.all()}
        names = {row.pk: row.name for row in self._providers.values()}
        self._models = {(names[row.provider_id], row.name): row for row in ProviderModel.objects.all()}
        for entry in catalogue:
            self._compare(entry)
        self._retire({entry.name: {model.name for model in entry.models} for entry in catalogue})

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed)

    def _compare(self, entry: ProviderEntry) -> None:
        known = self._providers.get(entry.name)
        if known is not None and known.is_custom:
            self.summary.skipped.append(entry.name)
            return
        provider = known or Provider(name=entry.name)
        self._follow(provider, entry.columns(), entry.name)
        for model in entry.models:
            row = self._models.get((entry.name, model.name)) or ProviderModel(
                provider=provider, name=model.name
            )
            self._follow(row, model.columns(), f"{entry.name}/{model.name}")

    def _follow(self, row: Row, columns: JSONObject, name: str) -> None:
        """Move the row's unedited columns to what the catalogue says, and note that it said so."""
        if row._state.adding:
            self.new.append(row)
            self.summary.added.append(name)
            edited: set[str] = set()
        else:
            edited = {column for column in columns if _is_edited(row, column)}
            self.summary.kept += [
                f"{name}.{column}" for column in sorted(edited) if getattr(row, column) != columns[column]
            ]
            if row.shipped == columns:
                return
            self.changed.append(row)
            self.summary.updated.append(name)
        for column in columns.keys() - edited:
            setattr(row, column, columns[column])
        row.shipped = columns

    def _retire(self, listed: dict[str, set[str]]) -> None:
        for name, provider in self._providers.items():
            if name not in listed and not provider.is_custom:
                self._disable(provider, name)
        for (name, model), row in self._models.items():
            if model not in listed.get(name, ()) and not self._providers[name].is_custom:
                self._disable(row, f"{name}/{model}")

    def _disable(self, row: Row, name: str) -> None:
        if not row.shipped.get("enabled"):
            return  # added by an operator, or retired before
        if row.enabled:
            row.enabled = False
            self.summary.disabled.append(name)
        row.shipped = row.shipped | {"enabled": False}
        self.changed.append(row)


def sync(catalogue: Sequence[ProviderEntry] | None = None) -> Summary:
    """Write the catalogue (the shipped one without an argument) to the database, in one transaction.

    Syncs at the same time wait for each other. Raises CatalogueError, DatabaseError.

    A second run finds nothing to do. The number of statements does not depend on the number of rows, save for
    the database's own limit of parameters a statement.
    """
    if catalogue is None:
        catalogue = read_catalogue()
    with transaction.atomic():
        SnapshotVersion.objects.select_for_update().get_or_create(section=CATALOGUE.name)
        changes = Changes(catalogue)
        _write(Provider, changes)
        _write(ProviderModel, changes)
        if not changes.is_empty:
            announce(CATALOGUE.name)
    return changes.summary


def _is_edited(row: Row, column: str) -> bool:
    return column not in row.shipped or getattr(row, column) != row.shipped[column]


def _write(kind: type[R], changes: Changes) -> None:
    rows = kind._default_manager
    rows.bulk_create([row for row in changes.new if isinstance(row, kind)])
    moved = [row for row in changes.changed if isinstance(row, kind)]
    for row in moved:
        row.updated_at = timezone.now()  # bulk_update leaves auto_now alone
    if moved:
        shipped: set[str] = set().union(*(row.shipped for row in moved))
        rows.bulk_update(moved, [*shipped, "shipped", "updated_at"])
