"""Usage events: one row an attempt, with filters first."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast, get_args
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from apps.analytics.events import Outcome
from apps.analytics.models import UsageEventRow
from apps.analytics.selection import COLUMNS, Page, Selection, page
from apps.clients.models import ClientKey
from apps.console.client_names import PLAYGROUND, called, names_of
from apps.console.frame import page as framed
from apps.console.traffic.times import moment
from apps.core import roles
from apps.providers.errors import ErrorKind
from apps.providers.models import Provider
from apps.strategies.models import Strategy

SPANS: Final = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "all": ("All, 90 days", None),
}
CHIPS: Final = {
    "failed": "Failed",
    "fell_back": "After a fallback",
    "slow": "Slow, over 5 s",
    "estimated": "Estimated tokens",
}
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
PAGE: Final = 100
SLOW_MS: Final = 5000.0
MOST_CHOICES: Final = 200
MAX_TEXT: Final = 200
LARGEST_ID: Final = 2**63 - 1


class Choice(NamedTuple):
    """One of a filter's: `query` is the address that chooses it."""

    label: str
    query: str
    is_chosen: bool


class Filter(NamedTuple):
    """A menu of choices; `chosen` names the one that is on."""

    title: str
    choices: list[Choice]
    chosen: str


class Event(NamedTuple):
    """A row with the names of whom it is of."""

    row: UsageEventRow
    client: str
    user: str


def show(request: HttpRequest) -> HttpResponse:
    """GET: a page of the events that the user may see."""
    query = request.GET
    start, end = moment(query.get("start", "")), moment(query.get("end", ""))
    span = "" if start or end else query.get("span", "all" if query.get("q") else "day")
    user = cast("User", request.user)
    sees_all = roles.may(user, "view", "analytics.usageeventrow")
    whose = _number(query.get("user", "")) if sees_all else user.pk
    found = page(_selection(query, _since(span, start), end, whose), PAGE, older_than=_identity(query))
    filters = list(_filters(request, span, sees_all))
    return framed(
        request,
        "console/events.html",
        "Usage events",
        events=_named(found),
        older=_with(query, next=found.older_than.hex) if found.older_than else "",
        newest=_with(query) if "next" in query else "",
        filters=filters,
        chips=[
            (label, _with(query, **{name: "" if name in query else "1"}), name in query)
            for name, label in CHIPS.items()
        ],
        words=_text(query, "q"),
        sees_all=sees_all,
        is_filtered=set(query) - {"span", "next"} != set(),
        start=start,
        end=end,
    )


def _since(span: str, start: datetime | None) -> datetime | None:
    """`span` "": from `start` on."""
    length = SPANS.get(span, SPANS["day"])[1]
    if not span:
        return start
    return timezone.now() - length if length else None


def _selection(
    query: QueryDict, since: datetime | None, until: datetime | None, user_id: int | None
) -> Selection:
    """What the address asks for; what makes no sense there is asked for nothing."""
    client = _number(query.get("client", ""))
    values = {column: [text] for column in COLUMNS if (text := _text(query, column))}
    if "failed" in query:
        values.setdefault("outcome", [outcome for outcome in OUTCOMES if outcome != "success"])
    return Selection(
        user_id=user_id,
        since=since,
        until=until,
        client_ids=None if client is None else (client,),
        values=values,
        request_id=_text(query, "q"),
        fell_back="fell_back" in query,
        slower_than_ms=SLOW_MS if "slow" in query else None,
        estimated="estimated" in query,
    )


def _identity(query: QueryDict) -> UUID | None:
    """Where the page begins; at the newest for what is no id."""
    try:
        return UUID(hex=query.get("next", "")) if "next" in query else None
    except ValueError:
        return None


def _text(query: QueryDict, name: str) -> str:
    """No column holds a NUL, and PostgreSQL is asked for none."""
    return query.get(name, "").replace("\0", "").strip()[:MAX_TEXT]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= LARGEST_ID else None


def _filters(request: HttpRequest, span: str, sees_all: bool) -> Any:
    query = request.GET
    yield Filter(
        "",
        [
            Choice(label, _with(query, span=name, start="", end=""), name == span)
            for name, (label, _) in SPANS.items()
        ],
        SPANS.get(span, SPANS["day"])[0] if span else "Between two times",
    )
    names = [
        (row.name, row.display_name or row.name) for row in Provider.objects.only("name", "display_name")
    ]
    yield _filter(query, "Provider", "provider", names)
    keys: QuerySet[ClientKey] = admin.site.get_model_admin(ClientKey).get_queryset(request)
    clients = [(str(PLAYGROUND), "playground")]
    clients += [
        (str(pk), name) for pk, name in keys.order_by("name").values_list("pk", "name")[:MOST_CHOICES]
    ]
    yield _filter(query, "Client key", "client", clients)
    if sees_all:
        users = User.objects.order_by("username").values_list("pk", "username")[:MOST_CHOICES]
        yield _filter(query, "User", "user", [(str(pk), name) for pk, name in users])
    yield _filter(query, "Outcome", "outcome", [(name, name) for name in OUTCOMES])
    yield _filter(query, "Error kind", "error_kind", [(kind.value, kind.value) for kind in ErrorKind])
    strategies = Strategy.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES]
    yield _filter(query, "Strategy", "strategy", [(name, name) for name in strategies])


def _filter(query: QueryDict, title: str, field: str, values: list[tuple[str, str]]) -> Filter:
    held = query.get(field, "")
    choices = [Choice("All", _with(query, **{field: ""}), not held)]
    choices += [Choice(label, _with(query, **{field: value}), value == held) for value, label in values]
    return Filter(title, choices, next((label for value, label in values if value == held), held))


def _with(query: QueryDict, **changes: str) -> str:
    """The address with these changed, "" for none, on its first page."""
    changed = query.copy()
    changed.pop("next", None)
    for name, value in changes.items():
        changed.pop(name, None)
        if value:
            changed[name] = value
    return f"?{changed.urlencode()}"


def _named(found: Page) -> list[Event]:
    """With two queries, whatever the size."""
    clients = names_of(row.client_id for row in found.rows)
    users = dict(
        User.objects.filter(pk__in={row.user_id for row in found.rows}).values_list("pk", "username")
    )
    return [
        Event(
            row,
            called(row.client_id, clients),
            users.get(row.user_id, f"#{row.user_id}, deleted"),
        )
        for row in found.rows
    ]
