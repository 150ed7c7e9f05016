"""Celery tasks of the ledger; the schedule is in the settings."""

import structlog
from celery import shared_task

from apps.analytics import retention
from apps.core import clock

log = structlog.get_logger("freeai.usage")

PURGE_BUDGET_S = 60.0


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def purge_usage() -> int:
    """Delete events that are past their time, for at most a minute; the next run goes on."""
    deleted = retention.purge(clock.now(), budget_s=PURGE_BUDGET_S)
    log.info("usage.purged", events=deleted)
    return deleted
