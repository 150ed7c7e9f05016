"""When client keys were last used: written behind the answers, by whoever writes the usage events, and seldom."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from apps.clients.models import ClientKey

TOUCH_BATCH: Final = 200
TOUCH_EVERY: Final = timedelta(minutes=1)
"""So exact is `last_used_at`. A key that is in use all day costs a write a minute."""


class LastUsed:
    """Remembers what this process wrote, so that it writes each key once a minute."""

    def __init__(self) -> None:
        self._written: dict[int, datetime] = {}

    def note(self, usages: Mapping[int, datetime]) -> None:
        """Write those of the client ids that were not written a moment ago. Raises DatabaseError: nothing is remembered then."""
        due = {pk: at for pk, at in usages.items() if self._is_due(pk, at)}
        touch(due)
        self._written |= due

    def _is_due(self, client_id: int, at: datetime) -> bool:
        before = self._written.get(client_id)
        return before is None or at >= before + TOUCH_EVERY


def touch(usages: Mapping[int, datetime]) -> None:
    """Move `last_used_at` of these client ids forward, never back. No process reloads for it."""
    # Small transactions, always in the same order: writers of several processes touch the same rows.
    ids = sorted(usages)
    for start in range(0, len(ids), TOUCH_BATCH):
        with transaction.atomic():
            for client_id in ids[start : start + TOUCH_BATCH]:
                _touch_one(client_id, usages[client_id])


def _touch_one(client_id: int, used_at: datetime) -> None:
    is_later = Q(last_used_at__isnull=True) | Q(last_used_at__lt=used_at)
    ClientKey.objects.filter(is_later, pk=client_id).update(last_used_at=used_at)
