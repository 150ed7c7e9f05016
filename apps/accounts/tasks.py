"""Celery tasks of the accounts; the schedule is in the settings."""

import structlog
from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from apps.accounts import throttle

log = structlog.get_logger("freeai.sign_in")


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def purge_sign_ins() -> None:
    """Delete what has ended: counted attempts, ids of used tokens, sessions of the admin site."""
    from apps.accounts import jwts  # late: see there

    counts, tokens = throttle.forget_ended(), jwts.forget_ended(timezone.now())
    call_command("clearsessions")
    log.info("sign_ins.purged", counts=counts, tokens=tokens)
