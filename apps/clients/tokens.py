"""Admin tokens for the `X-Admin-Token` header. Only the SHA-256 is stored."""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from django.conf import settings

from apps.clients.models import AdminToken
from apps.core import clock, crypto

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
    won = AdminToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now) == 1
    if won:
        row.revoked_at = now
    return won


def accepts(raw: str) -> bool:
    """Whether this is FREEAI_ADMIN_TOKEN (compared in constant time) or a stored, unrevoked token."""
    if not raw:
        return False
    given = digest(raw)
    configured = settings.FREEAI_ADMIN_TOKEN
    if configured and hmac.compare_digest(given, digest(configured)):
        return True
    return AdminToken.objects.filter(token_hash=given.hex(), revoked_at=None).exists()


def digest(raw: str) -> bytes:
    """SHA-256 of any text, lone surrogates included: what a header holds is not ours to choose."""
    return sha256(raw.encode("utf-8", "surrogatepass")).digest()
