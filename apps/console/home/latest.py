"""The latest requests that did not go straight: whom they asked in turn, and why that was needed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone
from msgspec import Struct

from apps.analytics.models import UsageEventRow
from apps.analytics.selection import SLACK, Selection, page
from apps.console.client_names import called, names_of
from apps.console.error_words import happened
from apps.core.ids import least_at

SINCE: Final = timedelta(days=1)
MOST: Final = 6
MOST_HOPS: Final = 6
LOOKED_AT: Final = 30
WAITED: Final = frozenset({"rate_limited"})


class Hop(Struct, frozen=True):
    """One attempt. `tone` as the style sheet has it: win, lost, wait."""

    tone: str
    icon: str
    words: str
    title: str


class Detour(Struct, frozen=True):
    """A request: its attempts in order, and the first reason. `own`: its identity, "" of what was written before requests had one."""

    at: datetime
    own: str
    request_id: str
    client: str
    asked: str
    hops: Sequence[Hop]
    more: int
    why: str
    took_ms: float | None


def detours(user_id: int | None) -> list[Detour]:
    """Of one user, or of all; four queries."""
    since = timezone.now() - SINCE
    wanted = (
        Selection(user_id=user_id, since=since, fell_back=True),
        Selection(user_id=user_id, since=since, values={"outcome": ["error", "refused"]}),
    )
    found = [row for each in wanted for row in page(each, LOOKED_AT).rows]
    latest = sorted(found, key=lambda row: row.at, reverse=True)
    by_request: dict[UUID, list[UsageEventRow]] = {}
    for row in latest:
        if len(by_request) < MOST:
            by_request.setdefault(_key(row), [])
    ids = {row.request_id for row in latest if _key(row) in by_request}
    rows = UsageEventRow.objects.filter(request_id__in=ids, id__gte=least_at((since - SLACK).timestamp()))
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    for row in rows.order_by("-id")[: MOST * LOOKED_AT]:
        if _key(row) in by_request:
            by_request[_key(row)].append(row)
    clients = names_of(row.client_id for row in latest)
    return [_detour(attempts[::-1], clients) for attempts in by_request.values() if attempts]


def _key(row: UsageEventRow) -> UUID:
    """Of its request: clients may send one `request_id` again and again."""
    return row.request_uuid or row.pk


def _detour(attempts: Sequence[UsageEventRow], clients: dict[int, str]) -> Detour:
    first, last = attempts[0], attempts[-1]
    reason = next((row.error_kind for row in attempts if row.outcome != "success"), "")
    took = sum(row.latency_ms or 0.0 for row in attempts) or None
    hops = [_hop(row) for row in attempts[:MOST_HOPS]]
    return Detour(
        last.at,
        first.request_uuid.hex if first.request_uuid else "",
        first.request_id,
        called(first.client_id, clients),
        first.virtual_model or first.model,
        hops,
        max(0, len(attempts) - MOST_HOPS),
        "No candidate could take it." if last.outcome == "refused" else happened(reason),
        took,
    )


def _hop(row: UsageEventRow) -> Hop:
    name = row.provider or "no candidate"
    title = f"{row.provider}/{row.model}" if row.provider else ""
    if row.outcome == "success":
        return Hop("win", "check", name, title)
    words = f"{name} {row.upstream_status}" if row.upstream_status else name
    if row.error_kind in WAITED or row.outcome == "refused":
        return Hop("wait", "clock", words, title)
    return Hop("lost", "x", words, title)
