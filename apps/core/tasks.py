"""Celery tasks of what all apps share; the schedule is in the settings."""

import structlog
from celery import shared_task
from django.conf import settings

from apps.core import audit_retention, clock

log = structlog.get_logger("freeai.audit")

PURGE_BUDGET_S = 60.0


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def purge_audit() -> int:
    """Delete entries of the audit that are past their time, for at most a minute; the next run goes on."""
    days: int = settings.FREEAI_AUDIT_KEEP_DAYS
    deleted = audit_retention.purge(clock.now(), days=days, budget_s=PURGE_BUDGET_S)
    log.info("audit.purged", entries=deleted)
    return deleted
