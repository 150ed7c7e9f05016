"""What was used before this process started, by the ledger: the in-process state store is rebuilt from it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, Func, Max, QuerySet, Sum, TextField
from django.db.models.sql.compiler import SQLCompiler

from apps.analytics.models import UsageEventRow

MINUTES_BACK = timedelta(hours=25)  # the day windows, and an hour for clocks that disagree
ROLLING_MONTH = timedelta(days=31)


class BucketUsage(NamedTuple):
    """`requests` attempts and `tokens` of one user on one model within one bucket.

    `at`: epoch seconds of the bucket's latest attempt, so that a window which begins within it counts too
    much, never too little.
    """

    user_id: int
    provider: str
    model: str
    at: float
    requests: int
    tokens: int


def usage_since(now: float, *, using: str = "default") -> Iterator[BucketUsage]:
    """Usage up to `now`, in two queries: by UTC day from the start of the month before, by minute for 25 h.

    Every row counts, refused connections too: a row does not tell whether its request reached the upstream.
    Raises DatabaseError.
    """
    end = datetime.fromtimestamp(now, UTC)
    fine_from = (end - MINUTES_BACK).replace(second=0, microsecond=0)
    rows = UsageEventRow.objects.using(using)
    yield from _by_bucket(rows.filter(at__gte=_coarse_from(end), at__lt=fine_from), "day")
    yield from _by_bucket(rows.filter(at__gte=fine_from), "minute")


def _coarse_from(end: datetime) -> datetime:
    """The start of the month before, or 31 days ago where that is earlier (March): at most 62 days."""
    month_start = end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month_before = (month_start - timedelta(days=1)).replace(day=1)
    return min(month_before, end - ROLLING_MONTH)


def _by_bucket(rows: QuerySet[UsageEventRow], unit: str) -> Iterator[BucketUsage]:
    grouped = (
        rows.order_by()
        .annotate(bucket=_Bucket(F("at"), unit=unit))
        .values_list("user_id", "provider", "model", "bucket")
        .annotate(
            latest=Max("at"),
            requests=Count("*"),
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
