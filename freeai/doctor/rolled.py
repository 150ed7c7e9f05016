"""Whether rollups say what the events say that they were made of."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Sum

from apps.analytics.models import DailyRollup, UnrolledHour, UsageDigest, UsageEventRow
from apps.analytics.rollup.building import EVERYBODY
from apps.analytics.rollup.counting import COUNTED, SUCCESS
from apps.analytics.rollup.digests import unpack_total
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.spans import DAY, end_of, start_of, starts
from freeai.doctor.findings import Finding, error, note, ok
from freeai.doctor.running import moment

SUMS: Final = {name: each for name, each in COUNTED.items() if name != "latencies"}
MEASURES: Final = (
    "attempts",
    "requests",
    "successes",
    "refusals",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_microusd",
    "saved_microusd",
)
Sums = dict[str, int]


def days(since: datetime) -> list[datetime]:
    """The UTC days that are over, of which all events are kept. Raises DatabaseError."""
    first = start_of(DAY, since) + timedelta(days=1)
    kept = horizon("default")
    return list(starts(DAY, max(first, kept) if kept else first, start_of(DAY, moment())))


def compared(day: datetime) -> Iterator[Finding]:
    """The day's events against its two rollups. One to which is still written is left to the next time. Raises DatabaseError."""
    end = end_of(DAY, day)
    if not UsageDigest.objects.filter(grain=DAY, user_id=EVERYBODY, start=day, until=end).exists():
        if UsageEventRow.objects.filter(at__gte=day, at__lt=end).exists():
            yield note(
                f"{day:%Y-%m-%d} is not rolled up yet: reports count its events.", "manage.py rollup_usage"
            )
        return
    sums = of_events(day, end), of_rows(day), of_digest(day)
    if _is_marked(day, end) or sums[0] != of_events(day, end):
        yield note(f"{day:%Y-%m-%d} is being written to: it is not compared.")
        return
    events, rows, digest = sums
    wrong = 0
    for name, other in (("the daily rollup", rows), ("the digest", digest)):
        for measure in MEASURES:
            if events[measure] != other[measure]:
                wrong += 1
                yield error(
                    f"{day:%Y-%m-%d}: {measure} are {events[measure]} in the events, {other[measure]} in {name}.",
                    f"manage.py rollup_usage --from {day:%Y-%m-%d} --to {day:%Y-%m-%d}, and report it.",
                )
    if not wrong:
        yield ok(
            f"{day:%Y-%m-%d}: {events['attempts']} attempts, {events['requests']} requests, in events and rollups."
        )


def of_events(day: datetime, end: datetime) -> Sums:
    """Counted from the events."""
    found = dict.fromkeys(MEASURES, 0)
    rows = UsageEventRow.objects.filter(at__gte=day, at__lt=end).order_by()
    groups: Iterable[Any] = rows.values("outcome").annotate(**SUMS)
    for group in groups:
        is_refusal, requests = group["outcome"] == "refused", int(group["requests"])
        found["attempts"] += 0 if is_refusal else group["events"]
        found["refusals"] += requests if is_refusal else 0
        found["requests"] += requests
        found["successes"] += requests if group["outcome"] == SUCCESS else 0
        for name in ("prompt", "completion", "cached", "reasoning"):
            found[f"{name}_tokens"] += int(group[f"sum_of_{name}_tokens"] or 0)
        found["cost_microusd"] += int(group["cost"])
        found["saved_microusd"] += int(group["saved"])
    return found


def of_rows(day: datetime) -> Sums:
    """Of `usage_daily_rollup`."""
    sums: dict[str, Any] = DailyRollup.objects.filter(day=day.date()).aggregate(
        **{f"all_{name}": Sum(name, default=0) for name in MEASURES}
    )
    return {name: int(sums[f"all_{name}"]) for name in MEASURES}


def of_digest(day: datetime) -> Sums:
    """Of everybody's digest of the day."""
    row = UsageDigest.objects.get(grain=DAY, user_id=EVERYBODY, start=day)
    total = unpack_total(row.total)
    return {name: int(getattr(total, name)) for name in MEASURES}


def _is_marked(day: datetime, end: datetime) -> bool:
    return UnrolledHour.objects.filter(hour__gte=day, hour__lt=end).exists()
