"""Which usage events somebody wants to see, and the pages of them, newest first.

Pages follow the ids, which sort by time: `WHERE id < …` costs the same on the last page as on the first, and nothing is counted. A page
looks at SCAN events at most, so that a filter that hardly anything meets cannot hold the database either: it may come back short, or
empty, and still name the next one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from msgspec import Struct

from apps.analytics.models import UsageEventRow
from apps.core.ids import least_at

SCAN: Final = 20_000
SLACK: Final = timedelta(minutes=5)
"""How far the time in an id may be from that of its attempt: they are taken one after the other, and the ids of a process never go back
when its clock does."""
COLUMNS: Final = ("provider", "model", "strategy", "outcome", "error_kind", "endpoint")
"""By whose values events are chosen."""


class Selection(Struct, frozen=True, kw_only=True):
    """Events of one user (None: of all), from `since` on and before `until`, of these client keys (None: of all and of none), whose
    columns have one of these values, of one `request_id` ("": of any). `fell_back`: only those of later candidates than the first;
    `slower_than_ms`: only those that took longer; `estimated`: only those whose tokens nobody counted."""

    user_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    client_ids: tuple[int, ...] | None = None
    values: Mapping[str, Sequence[str]] = {}
    request_id: str = ""
    fell_back: bool = False
    slower_than_ms: float | None = None
    estimated: bool = False

    def along_an_index(self, using: str = "default") -> "QuerySet[UsageEventRow]":
        """Those that an index leads to; some of them may not be meant."""
        rows = UsageEventRow.objects.using(using)
        if self.user_id is not None:
            rows = rows.filter(user_id=self.user_id)
        if self.request_id:
            rows = rows.filter(request_id=self.request_id)
        if self.since is not None:
            rows = rows.filter(id__gte=least_at((self.since - SLACK).timestamp()))
        if self.until is not None:
            rows = rows.filter(id__lt=least_at((self.until + SLACK).timestamp()))
        return rows

    def only(self, rows: "QuerySet[UsageEventRow]") -> "QuerySet[UsageEventRow]":
        """Those of `rows` that are meant."""
        if self.since is not None:
            rows = rows.filter(at__gte=self.since)
        if self.until is not None:
            rows = rows.filter(at__lt=self.until)
        if self.client_ids is not None:
            rows = rows.filter(client_id__in=self.client_ids)
        if self.fell_back:
            rows = rows.filter(fallback_position__gt=1)
        if self.slower_than_ms is not None:
            rows = rows.filter(latency_ms__gt=self.slower_than_ms)
        if self.estimated:
            rows = rows.filter(estimated=True)
        return rows.filter(**{f"{column}__in": list(values) for column, values in self.values.items()})

    @property
    def passes_over(self) -> bool:
        """Whether `only` may leave anything out."""
        chosen = self.client_ids is not None or self.values or self.fell_back or self.estimated
        return bool(self.since or self.until or chosen or self.slower_than_ms is not None)


class Page(Struct, frozen=True):
    """Events, newest first. `older_than`: where the next page begins, None for the last."""

    rows: list[UsageEventRow]
    older_than: UUID | None


def page(selection: Selection, limit: int, *, older_than: UUID | None = None, using: str = "default") -> Page:
    """Up to `limit` events, those below `older_than`. Two queries at most. Raises DatabaseError."""
    rows = selection.along_an_index(using).order_by("-id")
    if older_than is not None:
        rows = rows.filter(id__lt=older_than)
    last_looked_at: UUID | None = None
    if selection.passes_over:
        at_the_edge = list(rows.values_list("id", flat=True)[SCAN - 1 : SCAN + 1])
        if len(at_the_edge) > 1:
            last_looked_at = at_the_edge[0]
            rows = rows.filter(id__gte=last_looked_at)
    found = list(selection.only(rows)[: limit + 1])
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1].id)
    return Page(found, last_looked_at)
