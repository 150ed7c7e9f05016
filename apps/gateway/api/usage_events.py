"""`/api/usage-events`: what became of each attempt, page by page."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final, get_args
from uuid import UUID

from django.contrib.auth import get_user_model
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.analytics.events import Outcome
from apps.analytics.models import UsageEventRow
from apps.analytics.selection import COLUMNS, Selection, page
from apps.clients.models import ClientKey
from apps.core.json_types import JSONObject
from apps.core.named_users import user_named
from apps.core.queries import Query
from apps.core.roles import may
from apps.gateway.api.named import clients_named

MICRO: Final = 1_000_000
MOST: Final = 1000
USUAL: Final = 100
CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{22}")
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
NOT_YOURS: Final = "Only admins see the usage of other users."


class UsageEvents(APIView):
    """GET: one's own; `?all=true` and `?user=` for those who may see all."""

    def get(self, request: Request) -> Response:
        query = Query(request)
        limit = query.whole_number("limit", USUAL, range(1, MOST + 1))
        older_than = query.parsed("next", _identity)
        selection = _selection(query, _whose(request, query))
        query.finish()
        found = page(selection, limit, older_than=older_than)
        next_page = None if found.older_than is None else _cursor(found.older_than)
        return Response({"events": _rows(found.rows), "next": next_page})


def _whose(request: Request, query: Query) -> int | None:
    """The user whose events are meant, None for all. Raises PermissionDenied."""
    everybody, named = query.flag("all"), query.text("user")
    if not (everybody or named):
        return request.user.pk or 0
    if not may(request.user, "view", "analytics.usageeventrow"):
        raise PermissionDenied(NOT_YOURS)
    return query.parsed("user", user_named)


def _selection(query: Query, user_id: int | None) -> Selection:
    since, until = query.moment("from"), query.moment("to")
    if since is not None and until is not None and until < since:
        query.refuse("to", "Must not be before `from`.")
    values = {column: found for column in COLUMNS if (found := query.texts(column))}
    if unknown := [outcome for outcome in values.get("outcome", ()) if outcome not in OUTCOMES]:
        query.refuse("outcome", f"{unknown[0]!r} is none of {', '.join(OUTCOMES)}.")
    return Selection(
        user_id=user_id,
        since=since,
        until=until,
        client_ids=clients_named(query, user_id),
        values=values,
        request_id=query.text("request_id"),
    )


def _identity(cursor: str) -> UUID:
    """Where a page begins. Raises ValueError."""
    if not CURSOR.fullmatch(cursor):
        raise ValueError("Must be the `next` of an earlier answer.")
    return UUID(bytes=urlsafe_b64decode(cursor + "=="))


def _cursor(identity: UUID) -> str:
    return urlsafe_b64encode(identity.bytes).rstrip(b"=").decode()


def _rows(events: Sequence[UsageEventRow]) -> list[JSONObject]:
    """With the names of users and client keys, each in one query."""
    clients = ClientKey.objects.in_bulk({event.client_id for event in events if event.client_id is not None})
    users = dict(
        get_user_model()
        .objects.filter(pk__in={event.user_id for event in events})
        .values_list("pk", "username")
    )
    return [_row(event, users.get(event.user_id), clients.get(event.client_id or 0)) for event in events]


def _row(event: UsageEventRow, user: str | None, client: ClientKey | None) -> JSONObject:
    """null for what does not apply or is not known."""
    return {
        "id": event.id,
        "at": event.at,
        "request_id": event.request_id,
        "request_uuid": event.request_uuid,
        "is_last": event.is_last,
        "stands_for": event.stands_for,
        "user_id": event.user_id,
        "user": user,
        "client": client and client.name,
        "client_key_hash": client and client.key_hash,
        "provider": event.provider or None,
        "model": event.model,
        "strategy": event.strategy or None,
        "virtual_model": event.virtual_model or None,
        "endpoint": event.endpoint,
        "stream": event.stream,
        "outcome": event.outcome,
        "error_kind": event.error_kind or None,
        "upstream_status": event.upstream_status,
        "latency_ms": event.latency_ms,
        "ttfb_ms": event.ttfb_ms,
        "connect_ms": event.connect_ms,
        "prompt_tokens": event.prompt_tokens,
        "completion_tokens": event.completion_tokens,
        "cached_tokens": event.cached_tokens,
        "reasoning_tokens": event.reasoning_tokens,
        "estimated": event.estimated,
        "fallback_position": event.fallback_position,
        "cost_usd": _usd(event.cost_microusd),
        "saved_usd": _usd(event.saved_microusd),
        "charged": event.charged,
    }


def _usd(microusd: int | None) -> float | None:
    return None if microusd is None else microusd / MICRO
