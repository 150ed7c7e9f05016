"""The schedule of the model lists, as a Celery task; how often it runs is in the settings."""

import structlog
from celery import shared_task
from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.snapshot import announce
from apps.providers.credentials import SECTION
from apps.providers.listing import sync
from apps.providers.models import ProviderModel

log = structlog.get_logger("freeai.listing")

RUN_BUDGET_S = 120.0


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]  # celery has no types
def read_due_lists() -> int:
    """Read the lists whose turn it is, one after the other, for at most two minutes; the next run goes on. How many were read."""
    _end_models()
    began = clock.monotonic()
    read = 0
    for credential in sync.due(sync.in_use(), sync.now_utc()):
        if clock.monotonic() - began > RUN_BUDGET_S:
            break
        if sync.claim_as_due(credential, sync.now_utc()):
            sync.read_list(credential)
            read += 1
    return read


def _end_models() -> None:
    """Let every process see that models whose announced day has come are offered no more, once."""
    now = sync.now_utc()
    ended = ProviderModel.objects.filter(retires_at__lte=now.date(), updated_at__date__lt=F("retires_at"))
    with transaction.atomic():
        if ended.update(updated_at=now):
            announce(SECTION)
