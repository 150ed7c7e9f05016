"""Admin tokens for the `X-Admin-Token` header. Only the SHA-256 is stored."""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction

from apps.clients.models import AdminToken
from apps.core import audit, clock, crypto

PREFIX = "fai_admin_"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token. `raw` exists nowhere else: show it once."""

    raw: str = field(repr=False)
    row: AdminToken


def assign(row: AdminToken) -> str:
    """Give an unsaved row a new token and return it raw."""
    raw = PREFIX + secrets.token_urlsafe(32)
    row.token_hash = digest(raw).hex()
    row.token_preview = crypto.preview(raw)
    return raw


def issue(name: str) -> IssuedToken:
    """Store a new token."""
    row = AdminToken(name=name)
    raw = assign(row)
    row.save()
    return IssuedToken(raw, row)


def revoke(row: AdminToken) -> bool:
    """Close a token for good. True for the one caller that did it."""
    now = datetime.fromtimestamp(clock.now(), UTC)
    with transaction.atomic():
        won = AdminToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now) == 1
        if won:
            audit.changed(row, revoked_at=(None, now))
    if won:
        row.revoked_at = now
    return won


def name_of(raw: str) -> str | None:
    """The name of a token that opens: FREEAI_ADMIN_TOKEN (compared in constant time), or a stored, unrevoked one. Else None."""
    if not raw:
        return None
    given = digest(raw)
    configured = settings.FREEAI_ADMIN_TOKEN
    if configured and hmac.compare_digest(given, digest(configured)):
        return "FREEAI_ADMIN_TOKEN"
    rows = AdminToken.objects.filter(token_hash=given.hex(), revoked_at=None)
    return rows.values_list("name", flat=True).first()


def digest(raw: str) -> bytes:
    """SHA-256 of any text, lone surrogates included: what a header holds is not ours to choose."""
    return sha256(raw.encode("utf-8", "surrogatepass")).digest()
