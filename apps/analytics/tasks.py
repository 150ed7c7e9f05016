"""Celery tasks of the ledger; the schedule is in the settings."""

import structlog
from celery import shared_task

from apps.analytics import partitions, retention
from apps.analytics.rollup.expiry import expire
from apps.analytics.rollup.pending import roll_up_pending
from apps.core import clock

log = structlog.get_logger("freeai.usage")

PURGE_BUDGET_S = 60.0
ROLLUP_BUDGET_S = 60.0


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def purge_usage() -> int:
    """Delete events and rollups that are past their time, for about a minute each; the next run goes on. Months of the ledger that will be
    needed are made."""
    now = clock.now()
    partitions.make_ahead(now)
    deleted = retention.purge(now, budget_s=PURGE_BUDGET_S, by_schedule=True)
    log.info("usage.purged", events=deleted, rollups=expire(now, budget_s=PURGE_BUDGET_S))
    return deleted


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def rollup_usage() -> int:
    """Roll up the days that changed, for about a minute. What is left goes behind the tasks that wait: years of events from before there
    were rollups would keep the worker from everything else."""
    done = roll_up_pending(clock.now(), budget_s=ROLLUP_BUDGET_S)
    log.info("usage.rolled_up", days=done.days, left=done.left, overtaken=done.overtaken)
    if done.left and done.days:
        rollup_usage.delay()
    return done.days
