"""What a provider tells of an account: facts for people, and limits that stand in for the catalogue's."""

from datetime import datetime
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.providers.listing.tables import AccountTable, values
from apps.providers.models import Credential, LimitEvidence

MAX_FACTS: Final = 20
MAX_NUMBER: Final = 2**53
SOURCE: Final = "account"


def told_facts(document: Any, table: AccountTable) -> JSONObject:
    """By name, those facts of the table that are told: texts, numbers, true and false. Pure."""
    told = {name: _plain(values(document, path)) for name, path in [*table.facts.items()][:MAX_FACTS]}
    return {name: value for name, value in told.items() if value is not None}


def told_limits(document: Any, table: AccountTable) -> dict[tuple[str, str], int]:
    """(metric, period) -> the limit that is told. Pure."""
    told = {(limit.metric, limit.unit): _plain(values(document, limit.limit)) for limit in table.limits}
    return {
        span: int(number)
        for span, number in told.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= MAX_NUMBER
    }


def record(credential: Credential, told: dict[tuple[str, str], int], now: datetime) -> bool:
    """Keep the limits of the whole account as evidence, and no more what it told before and tells no longer; whether that changed any."""
    rows = LimitEvidence.objects.filter(credential=credential, model="")
    known = {(row.metric, row.period): row.limit for row in rows}
    ended = [row.pk for row in rows if row.source == SOURCE and (row.metric, row.period) not in told]
    LimitEvidence.objects.filter(pk__in=ended).delete()
    moved = {span: limit for span, limit in told.items() if known.get(span) != limit}
    for (metric, period), limit in moved.items():
        LimitEvidence.objects.update_or_create(
            credential=credential,
            model="",
            metric=metric,
            period=period,
            defaults={"limit": limit, "source": SOURCE, "at": now},
        )
    return bool(moved or ended)


def _plain(found: list[Any]) -> str | int | float | bool | None:
    value = found[0] if found else None
    if isinstance(value, str):
        return scrub(value)[:200]
    if isinstance(value, bool):
        return value
    return value if isinstance(value, int | float) and abs(value) <= MAX_NUMBER else None
