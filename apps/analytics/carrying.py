"""What events used that go, kept as sums: what is given once is never given back."""

from datetime import UTC, datetime

from django.db.models import QuerySet

from apps.analytics.models import CarriedUsage, UsageEventRow
from apps.analytics.rollup.spent import BucketUsage, summed


def carry_over(rows: QuerySet[UsageEventRow], using: str) -> None:
    """Within the transaction that deletes them. Raises DatabaseError."""
    for bucket in sorted(summed(rows)):  # in one order, so that no two wait for each other
        _add(bucket, using)


def _add(bucket: BucketUsage, using: str) -> None:
    until = datetime.fromtimestamp(bucket.at, UTC)
    carried = CarriedUsage.objects.using(using).select_for_update()
    total, _ = carried.get_or_create(
        user_id=bucket.user_id, provider=bucket.provider, model=bucket.model, defaults={"until": until}
    )
    total.until = max(total.until, until)
    total.requests += bucket.requests
    total.prompt_tokens += bucket.prompt_tokens
    total.completion_tokens += bucket.completion_tokens
    for metric, amount in bucket.charged.items():
        total.charged[metric] = total.charged.get(metric, 0) + amount
    total.save(using=using)
