"""What attempts used of quotas, summed up by user and model, and what of it is rolled up: days, and the halves of hours.

Halves, since a local midnight lies on one nearly everywhere. A rolled-up slice of time says exactly what its events would, to the moment of
the latest.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import msgspec
from django.db.models import Count, Max, Q, QuerySet, Sum

from apps.analytics.events import REFUSED, UNCHARGED
from apps.analytics.models import DailyRollup, UsageEventRow
from apps.analytics.slices import HALF

KEY = ("user_id", "provider", "model")
Key = tuple[int, str, str]
NOTHING: Mapping[str, int] = {}


class BucketUsage(NamedTuple):
    """`requests` attempts and their tokens of one user on one model within one bucket, and what else they were charged with; `amounts`
    names all of it by metric.

    `at`: epoch seconds of the bucket's latest attempt, so that a window which begins within it counts too
    much, never too little.
    """

    user_id: int
    provider: str
    model: str
    at: float
    requests: int
    prompt_tokens: int
    completion_tokens: int
    charged: Mapping[str, int] = NOTHING

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def amounts(self) -> dict[str, int]:
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "input_tokens": self.prompt_tokens,
            "output_tokens": self.completion_tokens,
            **self.charged,
        }


def summed(rows: QuerySet[UsageEventRow], *, metered: Collection[str] | None = None) -> Iterator[BucketUsage]:
    """Attempts, a bucket for each user and model; `metered` as `usage_since` has it, None: all providers. Raises DatabaseError."""
    rows = rows.exclude(outcome=REFUSED).order_by()
    charged = (
        {} if metered == () else _charged(rows if metered is None else rows.filter(provider__in=metered))
    )
    grouped = rows.values_list(*KEY).annotate(
        latest=Max("at"),
        requests=Count("pk", filter=~Q(error_kind__in=UNCHARGED)),
        prompt=Sum("prompt_tokens"),
        completion=Sum("completion_tokens"),
    )
    for user_id, provider, model, latest, requests, prompt, completion in grouped:
        yield BucketUsage(
            *(user_id, provider, model, latest.timestamp()),
            *(requests, int(prompt), int(completion)),
            charged.get((user_id, provider, model), NOTHING),
        )


def _charged(rows: QuerySet[UsageEventRow]) -> dict[Key, dict[str, int]]:
    """By user, provider and model, what their rows say beside requests and tokens."""
    sums: dict[Key, Counter[str]] = {}
    same = rows.exclude(charged={}).values_list(*KEY, "charged").annotate(count=Count("pk"))
    for user_id, provider, model, charged, count in same:
        total = sums.setdefault((user_id, provider, model), Counter())
        for metric, amount in charged.items():
            total[metric] += amount * count
    return dict(sums.items())


def pack_halves(rows: QuerySet[UsageEventRow], hour: datetime) -> bytes:
    """What the attempts among `rows`, of that hour, used in each half of it. Raises DatabaseError."""
    halves = [rows.filter(at__gte=start, at__lt=start + HALF) for start in (hour, hour + HALF)]
    return msgspec.msgpack.encode([sorted(summed(half)) for half in halves])


def unpack_halves(stored: bytes | memoryview) -> list[list[BucketUsage]]:
    """What was packed. Raises msgspec.DecodeError."""
    return _HALVES.decode(stored)


def merged(buckets: Iterable[BucketUsage]) -> Iterator[BucketUsage]:
    """One for each user and model."""
    by_key: dict[Key, BucketUsage] = {}
    for one in buckets:
        known = by_key.get(one[:3])
        by_key[one[:3]] = one if known is None else _added(known, one)
    yield from by_key.values()


def of_days(days: Collection[date], using: str) -> dict[date, list[BucketUsage]]:
    """By day, what the daily rollup says; a day without any attempt is left out. Raises DatabaseError."""
    rows = DailyRollup.objects.using(using).filter(day__in=days, attempts__gt=0).order_by()
    charged: dict[tuple[Any, ...], Counter[str]] = {}
    for *key, amounts in rows.exclude(charged={}).values_list("day", *KEY, "charged"):
        charged.setdefault(tuple(key), Counter()).update(amounts)
    found: dict[date, list[BucketUsage]] = {}
    grouped = rows.values_list("day", *KEY).annotate(
        last=Max("latest"),
        requests=Sum("charged_attempts"),
        prompt=Sum("prompt_tokens"),
        completion=Sum("completion_tokens"),
    )
    for day, user_id, provider, model, latest, requests, prompt, completion in grouped:
        bucket = BucketUsage(
            *(user_id, provider, model, latest.timestamp()),
            *(int(requests), int(prompt), int(completion)),
            charged.get((day, user_id, provider, model), NOTHING),
        )
        found.setdefault(day, []).append(bucket)
    return found


def _added(one: BucketUsage, other: BucketUsage) -> BucketUsage:
    return BucketUsage(
        *one[:3],
        max(one.at, other.at),
        one.requests + other.requests,
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        {
            metric: one.charged.get(metric, 0) + other.charged.get(metric, 0)
            for metric in {*one.charged, *other.charged}
        },
    )


_HALVES = msgspec.msgpack.Decoder(list[list[BucketUsage]])
NOTHING_SPENT: Final = msgspec.msgpack.encode([[], []])
