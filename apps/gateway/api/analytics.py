"""`/api/analytics` and `/api/me/analytics`: what became of everybody's requests, and of one's own."""

from datetime import UTC, datetime
from functools import cache
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpResponseBase
from msgspec import Struct
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.analytics.reports import table
from apps.analytics.reports.reading import Filters, Reading, read
from apps.analytics.reports.report import Clients, as_json
from apps.analytics.reports.windows import (
    BUCKETS,
    DAYS,
    SECONDS,
    USUAL_BUCKETS,
    USUAL_SECONDS,
    Window,
    of_days,
    of_seconds,
)
from apps.clients.models import ClientKey
from apps.core import clock
from apps.core.named_users import user_named
from apps.core.permissions import rights
from apps.core.queries import Query
from apps.core.streamed import csv_answer
from apps.gateway.api.named import clients_named

FORMATS: Final = ("json", "csv")
NAME: Final = "analytics.csv"
NO_ZONES: Final = frozenset({"Factory", "localtime"})
"""Files among the zones' that name none: that of a system nobody has set up, and this host's own."""
EITHER: Final = "Ask for `window_seconds` or `days`, not for both."


class Asked(Struct):
    """What a query asks for."""

    window: Window
    filters: Filters
    zone: ZoneInfo
    as_csv: bool


class ByParameter(DefaultContentNegotiation):
    """`format` chooses between JSON and a table, and errors are JSON either way."""

    def get_accept_list(self, request: Request) -> list[str]:
        """Who asks for a table does not accept JSON."""
        return ["*/*"] if request.query_params.get("format") == "csv" else super().get_accept_list(request)


class Analytics(APIView):
    """GET: of all users, or of one."""

    permission_classes = [rights("analytics.usageeventrow")]
    content_negotiation_class = ByParameter

    def get(self, request: Request) -> HttpResponseBase:
        query = Query(request)
        asked = _asked(query, query.parsed("user", user_named))
        return _answer(request, asked)


class MyAnalytics(APIView):
    """GET: of the user's own requests."""

    content_negotiation_class = ByParameter

    def get(self, request: Request) -> HttpResponseBase:
        return _answer(request, _asked(Query(request), request.user.pk or 0))


def _asked(query: Query, user_id: int | None) -> Asked:
    """Raises ValidationError."""
    zone = query.parsed("tz", _zone) or ZoneInfo("UTC")
    answer = query.text("format") or "json"
    if answer not in FORMATS:
        query.refuse("format", "Must be json or csv.")
    asked = Asked(_window(query, zone), _filters(query, user_id), zone, as_csv=answer == "csv")
    query.finish()
    return asked


def _window(query: Query, zone: ZoneInfo) -> Window:
    now = datetime.fromtimestamp(ceil(clock.now()), UTC)
    until = query.moment("to") or now
    if until > now:
        query.refuse("to", "Must not be in the future.")
    seconds = query.whole_number("window_seconds", 0, SECONDS)
    days = query.whole_number("days", 0, DAYS)
    buckets = query.whole_number("bucket_count", 0, BUCKETS)
    if days and seconds:
        query.refuse("days", EITHER)
    if days:
        return of_days(days, buckets or None, zone, until)
    return of_seconds(seconds or USUAL_SECONDS, buckets or USUAL_BUCKETS, until)


def _filters(query: Query, user_id: int | None) -> Filters:
    return Filters(
        user_id=user_id,
        client_ids=clients_named(query, user_id),
        providers=query.texts("provider") or None,
        models=query.texts("model") or None,
        strategies=query.texts("strategy") or None,
    )


def _answer(request: Request, asked: Asked) -> HttpResponseBase:
    reading = read(asked.window, asked.filters)
    clients = _clients(reading)
    if asked.as_csv:
        return csv_answer(request._request, table.lines(reading, clients, asked.zone), NAME)
    return Response(as_json(reading, clients))


def _clients(reading: Reading) -> Clients:
    numbers = [int(key) for key in reading.whole.parts.get("client", {}) if key]
    rows = ClientKey.objects.filter(pk__in=numbers).values_list("pk", "name", "key_hash")
    return {pk: {"client": name, "client_key_hash": key_hash} for pk, name, key_hash in rows}


def _zone(name: str) -> ZoneInfo:
    """Raises ValueError."""
    if name not in _zones():
        raise ValueError("Must be a time zone such as Europe/Berlin.")
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - NO_ZONES
