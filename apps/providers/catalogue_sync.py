"""Bringing the catalogue into the database: a three-way comparison, so that an operator's edits survive.

Every row keeps in `shipped` what the catalogue said last. A column that still says so follows the catalogue;
one that differs was edited, and stays: of `limits` the windows that differ. What the catalogue lists no more is
disabled by the same rule: an operator who enables it again has the last word. Custom providers, and models that
an operator added, are left alone.

What a provider's own list told (`listed`, see `apps.providers.listing`) stands above the catalogue's word, and what was only inferred
below it. A model that leaves the catalogue while its provider lists it stays, as the list has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from apps.core.json_types import JSONArray, JSONObject
from apps.core.models import SnapshotVersion
from apps.core.snapshot import announce
from apps.providers.catalogue_files import ProviderEntry, read_catalogue
from apps.providers.destinations import destinations_of, follow
from apps.providers.listing.wanting import DEFAULTS
from apps.providers.models import Provider, ProviderModel
from apps.providers.offers import CATALOGUE

Row = Provider | ProviderModel
TOLD = {"Provider": (), "ProviderModel": ("listed", "inferred")}
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
        self.moved: list[tuple[Provider, frozenset[str]]] = []
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
        before = destinations_of(provider)
        self._follow(provider, entry.columns(), entry.name)
        if known is not None and destinations_of(provider) != before:
            self.moved.append((provider, before))
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
            kept: set[str] = set()
        else:
            kept = {column for column in columns if _is_told(row, column) or _is_edited(row, column)}
            self.summary.kept += [
                f"{name}.{column}"
                for column in sorted(kept)
                if row.plain(column) != columns[column] and not _is_listed(row, column)
            ]
            if row.shipped == columns:
                return
            self.changed.append(row)
            self.summary.updated.append(name)
        for column in columns.keys() - kept:
            setattr(row, column, columns[column])
        if "limits" in kept:
            row.limits = _with_edits(row.limits, row.shipped.get("limits"), columns["limits"])
        row.shipped = columns
        if isinstance(row, ProviderModel) and row.inferred:
            row.listed = {column: told for column, told in row.listed.items() if column not in row.inferred}
            row.inferred = []

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
        if isinstance(row, ProviderModel) and row.listed and row.vanished_at is None:
            row.shipped = {}  # the provider's list has it
            self.changed.append(row)
            return
        if row.enabled:
            row.enabled = False
            self.summary.disabled.append(name)
        if isinstance(row, ProviderModel):
            row.listed = {column: told for column, told in row.listed.items() if column != "enabled"}
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
        for provider, before in changes.moved:
            follow(provider, before)
        if not changes.is_empty:
            announce(CATALOGUE.name)
    return changes.summary


def _is_edited(row: Row, column: str) -> bool:
    """Whether the column holds what neither the catalogue nor an inference put there."""
    current = row.plain(column)
    if column in row.shipped:
        return bool(current != row.shipped[column])
    if not isinstance(row, ProviderModel) or not row.listed:
        # What an operator added was never shipped; else the column is younger than the last sync, and began as every row's does.
        return not row.shipped or bool(current != getattr(type(row)(), column))
    return bool(current != (row.listed[column] if column in row.inferred else DEFAULTS.get(column, [])))


def _with_edits(current: Any, before: Any, after: JSONArray) -> Any:
    """The windows `after`, but for those of a metric and length in which `current` differs from `before`: an edit of one window leaves
    the others to the catalogue. What is no list of windows stays as it is, for the operator to see."""
    mine, shipped, new = _by_span(current), _by_span(before), _by_span(after)
    if mine is None or shipped is None or new is None:
        return current
    spans = dict.fromkeys((*new, *mine))
    return list(
        chain.from_iterable(
            (new if mine.get(span) == shipped.get(span) else mine).get(span, ()) for span in spans
        )
    )


def _by_span(limits: Any) -> dict[tuple[str, str], JSONArray] | None:
    """Declared windows by what they count and over which length; None where they cannot be told apart."""
    if not isinstance(limits, list) or not all(isinstance(limit, dict) for limit in limits):
        return None
    found: dict[tuple[str, str], JSONArray] = {}
    for limit in limits:
        found.setdefault((str(limit.get("metric")), str(limit.get("unit"))), []).append(limit)
    return found


def _is_told(row: Row, column: str) -> bool:
    """Whether the provider's own list tells what is in the column, which is not the catalogue's then."""
    return isinstance(row, ProviderModel) and column in row.listed and column not in row.inferred


def _is_listed(row: Row, column: str) -> bool:
    """Whether the column holds what the provider's own list told."""
    if not isinstance(row, ProviderModel) or column not in row.listed:
        return False
    return bool(row.plain(column) == row.listed[column])


def _write(kind: type[R], changes: Changes) -> None:
    rows = kind._default_manager
    rows.bulk_create([row for row in changes.new if isinstance(row, kind)])
    moved = [row for row in changes.changed if isinstance(row, kind)]
    for row in moved:
        row.updated_at = timezone.now()  # bulk_update leaves auto_now alone
    if moved:
        shipped: set[str] = set().union(*(row.shipped for row in moved))
        rows.bulk_update(moved, [*shipped, *TOLD[kind.__name__], "shipped", "updated_at"])
