"""What was used before this process started, by the ledger: the in-process state store is rebuilt from it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, F, Max, Min, Q, Sum

from apps.analytics.models import UsageEventRow

AHEAD = timedelta(days=1)  # of a clock that was set back
# How far back from the newest on, in slices of which length: what is old may be told more roughly.
FINE = (timedelta(minutes=65), timedelta(minutes=1))
MIDDLE = (
    timedelta(hours=25),
    timedelta(minutes=30),
)  # a local midnight lies on such a boundary, nearly everywhere
COARSE = timedelta(days=1)


class BucketUsage(NamedTuple):
    """`requests` attempts and `tokens` of one user on one model within one bucket; `amounts` names them by metric.

    `at`: epoch seconds of the bucket's latest attempt, so that a window which begins within it counts too
    much, never too little.
    """

    user_id: int
    provider: str
    model: str
    at: float
    requests: int
    tokens: int

    @property
    def amounts(self) -> dict[str, int]:
        return {"requests": self.requests, "tokens": self.tokens}


def usage_since(
    since: float, now: float, *, longer: Mapping[str, float] | None = None, using: str = "default"
) -> Iterator[BucketUsage]:
    """Usage from `since` on, of the providers in `longer` from that earlier time on (UTC epoch seconds), latest first.

    By minute for an hour, by half an hour for 25, by UTC day before that: one query each, along the index of times. One query
    for all would sort a million rows by their groups, at ten times the price on SQLite (2026-11).
    Every row counts, refused connections too: a row does not tell whether its request reached the upstream. Only what a model that is
    gone refused does not, for upstreams do not count it.
    Raises DatabaseError.
    """
    longer = longer or {}
    earliest = min(since, *longer.values()) if longer else since
    for start, end in _slices(datetime.fromtimestamp(earliest, UTC), datetime.fromtimestamp(now, UTC)):
        rows = UsageEventRow.objects.using(using).order_by()
        if end.timestamp() <= since:
            rows = rows.filter(
                provider__in=[name for name, from_ in longer.items() if from_ < end.timestamp()]
            )
        grouped = (
            rows.filter(at__gte=start, at__lt=end)
            .values_list("user_id", "provider", "model")
            .annotate(
                latest=Max("at"),
                requests=Count("pk", filter=~Q(error_kind="model_gone")),
                tokens=Sum(F("prompt_tokens") + F("completion_tokens")),
            )
        )
        for user_id, provider, model, latest, requests, tokens in grouped:
            yield BucketUsage(user_id, provider, model, latest.timestamp(), requests, int(tokens))


ClientRequests = dict[tuple[int, str], float]
"""By client and request id, UTC epoch seconds of the request's first attempt."""


def client_requests_since(since: float, *, using: str = "default") -> ClientRequests:
    """Requests of client keys from `since` on, whatever became of them. Raises DatabaseError."""
    rows = (
        UsageEventRow.objects.using(using)
        .filter(at__gte=datetime.fromtimestamp(since, UTC), client_id__isnull=False)
        .order_by()
        .values_list("client_id", "request_id")
        .annotate(first=Min("at"))
    )
    return {(client_id, request_id): first.timestamp() for client_id, request_id, first in rows.iterator()}


def _slices(since: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From `since` to `now` and a little beyond, without a gap, latest first."""
    end = now + AHEAD
    start = now.replace(second=0, microsecond=0)
    for reach, length in (FINE, MIDDLE):
        while start > now - reach and end > since:
            yield max(start, since), end
            start, end = _before(start, length), start
    start = end.replace(hour=0, minute=0)
    while end > since:
        yield max(start, since), end
        start, end = start - COARSE, start


def _before(start: datetime, length: timedelta) -> datetime:
    """Where the slice before the one from `start` begins: on a boundary of `length`."""
    minutes = length // timedelta(minutes=1)
    previous = start - timedelta(minutes=1)
    return previous.replace(minute=previous.minute // minutes * minutes)
