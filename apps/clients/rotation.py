"""Another secret for a key that stays: the old one opens beside it for a while, and then no longer, by the clock of each request."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from apps.clients import keys
from apps.clients.models import ClientKey
from apps.core import audit, clock, crypto, snapshot


def rotate(row: ClientKey, grace_s: int) -> keys.IssuedKey | None:
    """Give an issued key another secret; the one that it has opens for `grace_s` seconds more, and one from before that no longer. All
    else stays: its limits, what is used of them, its name in the ledger. None for whoever comes too late: it was rotated or revoked."""
    now = datetime.fromtimestamp(clock.now(), UTC)
    raw, until = keys.generate(), now + timedelta(seconds=grace_s)
    changes = {
        "key_hash": keys.digest(raw).hex(),
        "key_preview": crypto.preview(raw),
        "previous_hash": row.key_hash,
    }
    with transaction.atomic():
        current = ClientKey.objects.filter(pk=row.pk, key_hash=row.key_hash, revoked_at=None)
        if not current.update(**changes, previous_until=until, updated_at=now):
            return None
        snapshot.announce(keys.SECTION)
        audit.changed(
            row,
            key_preview=(row.key_preview, changes["key_preview"]),
            previous_until=(row.previous_until, until),
        )
    row.refresh_from_db()
    return keys.IssuedKey(raw, row)
