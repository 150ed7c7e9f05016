"""Analytics: what became of requests, over any time, by what they were and whom they went to."""

from datetime import UTC, datetime
from math import ceil
from typing import Final, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.accounts.profiles import zone_of
from apps.analytics.reports import table
from apps.clients.models import ClientKey
from apps.console.frame import page
from apps.console.traffic.asking import FILTERS, Asking, asking_of
from apps.console.traffic.choosing import menus_of, names_of
from apps.console.traffic.kept import kept
from apps.console.traffic.times import SPANS
from apps.console.traffic.told import readings_of, tabs_of, told_of
from apps.core import clock, roles
from apps.core.streamed import csv_answer

OFFERED: Final = ("day", "week", "month", "quarter", "years")
TIMES: Final = ("span", "start", "end", "from", "to")
NAME: Final = "analytics.csv"


def show(request: HttpRequest) -> HttpResponse:
    """GET `?span=|start=&end=|from=&to=`, `&provider=&model=&strategy=&client=&user=`, `&by=`, `&compare=1`."""
    asking = _asked(request)
    key = ("analytics", asking.filters, asking.compare, tuple(sorted(asking.query.items())), asking.zone.key)
    reading, before = kept(key, lambda: readings_of(asking))
    told = told_of(asking, reading, before)
    names = names_of(asking)
    return page(
        request,
        "console/analytics.html",
        "Analytics",
        asking=asking,
        reading=reading,
        told=told,
        spans=[(SPANS[name].short, asking.of_span(name), name == asking.time.span) for name in OFFERED],
        tabs=tabs_of(asking),
        rows=[(part, _filtered_by(asking, part.key), _events_of(asking, part.key)) for part in told.parts],
        menus=menus_of(request, asking, reading),
        filtered=[(one, names.get(one.name, one.value)) for one in asking.filtered()],
        comparison=asking.address(compare="" if asking.compare else "1"),
        csv=asking.address(),
        hidden=[(name, value) for name, value in asking.query.items() if name not in TIMES],
    )


def as_csv(request: HttpRequest) -> HttpResponseBase:
    """The same figures as a table, times as in the viewer's zone."""
    asking = _asked(request)
    reading, _ = readings_of(asking)
    numbers = [int(key) for key in reading.whole.parts.get("client", {}) if key]
    rows = ClientKey.objects.filter(pk__in=numbers).values_list("pk", "name", "key_hash")
    clients = {pk: {"client": name, "client_key_hash": key_hash} for pk, name, key_hash in rows}
    return csv_answer(request, table.lines(reading, clients, asking.zone), NAME)


def _asked(request: HttpRequest) -> Asking:
    user = cast("User", request.user)
    now = datetime.fromtimestamp(ceil(clock.now()), UTC)
    sees_all = roles.may(user, "view", "analytics.usageeventrow")
    return asking_of(request.GET, user.pk, sees_all=sees_all, zone=zone_of(user), now=now)


def _filtered_by(asking: Asking, key: str) -> str:
    """The page of this part alone; "" where the ledger cannot be asked for it."""
    return asking.address(**{asking.by: key}) if key and asking.by in FILTERS else ""


def _events_of(asking: Asking, key: str) -> str:
    return asking.events(**{asking.by: key}) if key else ""
