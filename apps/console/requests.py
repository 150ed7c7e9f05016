"""One request of the past: its attempts from the ledger, as they are watched live, and in words."""

from typing import Final, NamedTuple
from uuid import UUID

from apps.analytics.models import UsageEventRow
from apps.console import error_words
from apps.console.client_names import called, names_of
from apps.core.ids import least_at
from apps.gateway.traffic.seen import ENDS, Hop, Seen

LONGEST_S: Final = 900.0
"""From a request's begin to that of its last attempt; the time a request may take has a bound below that."""
SLACK_S: Final = 60.0
MOST: Final = 60


class Attempt(NamedTuple):
    """One upstream call. `then`: what FreeAI did next."""

    hop: Hop
    happened: str
    then: str
    row: UsageEventRow


class Request(NamedTuple):
    """`client`: the name of its key."""

    seen: Seen
    attempts: list[Attempt]
    client: str


def find(request_id: UUID, user_id: int | None) -> Request | None:
    """The request of that own id, of one user's alone where one is named. In three queries at most; None where nothing is known of it."""
    begun = (request_id.int >> 80) / 1000
    window = {"id__gte": least_at(begun - SLACK_S), "id__lt": least_at(begun + LONGEST_S)}
    rows = UsageEventRow.objects.filter(request_uuid=request_id, **window).order_by("id")
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    # Most clients are told the request's own id, which has an index; one that chose its own is found along the time.
    found = list(rows.filter(request_id=request_id.hex)[:MOST]) or list(rows[:MOST])
    if not found:
        return None
    seen = _seen(found, request_id)
    client_id = found[-1].client_id
    name = called(client_id, names_of([client_id]))
    asked = [row for row in found if row.provider]
    return Request(seen, [_attempt(hop, row) for hop, row in zip(seen.hops, asked, strict=True)], name)


def _seen(rows: list[UsageEventRow], request_id: UUID) -> Seen:
    first, last = rows[0], rows[-1]
    begun = (request_id.int >> 80) / 1000
    hops = [
        Hop(
            provider=row.provider,
            model=row.model,
            outcome=row.outcome,
            kind=row.error_kind,
            status=row.upstream_status,
            started_ms=max(0, round((row.at.timestamp() - begun) * 1000)),
            connect_ms=row.connect_ms,
            ttfb_ms=row.ttfb_ms,
            latency_ms=row.latency_ms,
        )
        for row in rows
        if row.provider
    ]
    return Seen(
        id=request_id.hex,
        told=first.request_id,
        at=begun,
        user=first.user_id,
        client=first.client_id,
        asked=first.virtual_model or first.model,
        strategy=first.strategy,
        endpoint=first.endpoint,
        stream=first.stream,
        state=ENDS.get(last.outcome, "failed"),
        hops=hops,
        ttft_ms=hops[-1].started_ms + hops[-1].ttfb_ms if hops and hops[-1].ttfb_ms is not None else None,
        took_ms=round((last.at.timestamp() - begun) * 1000 + (last.latency_ms or 0.0), 1),
        tokens_in=last.prompt_tokens,
        tokens_out=last.completion_tokens,
    )


def _attempt(hop: Hop, row: UsageEventRow) -> Attempt:
    if row.outcome == "success":
        return Attempt(hop, "Streamed." if row.stream else "Answered in one piece.", "", row)
    if row.outcome == "interrupted":
        return Attempt(hop, "FreeAI ended during the attempt.", "", row)
    return Attempt(hop, error_words.happened(row.error_kind), error_words.then(row.error_kind), row)
