"""What was used before this process started, by the ledger: the in-process state store is rebuilt from it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Func, Max, Min, Q, QuerySet, Sum, TextField
from django.db.models.sql.compiler import SQLCompiler

from apps.analytics.models import UsageEventRow

MINUTES_BACK = timedelta(hours=25)  # the day windows, and an hour for clocks that disagree


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


def usage_since(since: float, now: float, *, using: str = "default") -> Iterator[BucketUsage]:
    """Usage from `since` to `now`, in two queries: by UTC day, and by minute for the last 25 h.

    Every row counts, refused connections too: a row does not tell whether its request reached the upstream. Only what a model that is
    gone refused does not, for upstreams do not count it.
    Raises DatabaseError.
    """
    end = datetime.fromtimestamp(now, UTC)
    fine_from = (end - MINUTES_BACK).replace(second=0, microsecond=0)
    rows = UsageEventRow.objects.using(using)
    start = datetime.fromtimestamp(since, UTC)
    yield from _by_bucket(rows.filter(at__gte=start, at__lt=fine_from), "day")
    yield from _by_bucket(rows.filter(at__gte=max(start, fine_from)), "minute")


def client_requests_since(since: float, *, using: str = "default") -> Iterator[tuple[int, float]]:
    """(client id, UTC epoch seconds of its first attempt) of each request from `since` on, whatever became of it. Raises DatabaseError."""
    rows = (
        UsageEventRow.objects.using(using)
        .filter(at__gte=datetime.fromtimestamp(since, UTC), client_id__isnull=False)
        .order_by()
        .values_list("client_id", "request_id")
        .annotate(first=Min("at"))
    )
    for client_id, _, first in rows.iterator():
        yield client_id, first.timestamp()


def _by_bucket(rows: QuerySet[UsageEventRow], unit: str) -> Iterator[BucketUsage]:
    grouped = (
        rows.order_by()
        .annotate(bucket=_Bucket(F("at"), unit=unit))
        .values_list("user_id", "provider", "model", "bucket")
        .annotate(
            latest=Max("at"),
            requests=Count("pk", filter=~Q(error_kind="model_gone")),
            tokens=Sum(F("prompt_tokens") + F("completion_tokens")),
        )
        .order_by("latest")
    )
    for user_id, provider, model, _, latest, requests, tokens in grouped.iterator():
        yield BucketUsage(user_id, provider, model, latest.timestamp(), requests, int(tokens))


class _Bucket(Func):
    """A text that is equal within one UTC day or minute. Django's Trunc calls Python per row on SQLite."""

    output_field = TextField()
    arity = 1
    formats = {"day": "YYYY-MM-DD", "minute": "YYYY-MM-DD HH24:MI"}
    lengths = {"day": 10, "minute": 16}

    def __init__(self, *expressions: object, unit: str) -> None:
        super().__init__(*expressions, unit=unit)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        template = f"SUBSTR(%(expressions)s, 1, {self.lengths[self.extra['unit']]})"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        template = f"TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', '{self.formats[self.extra['unit']]}')"
        return self.as_sql(compiler, connection, template=template, **context)
