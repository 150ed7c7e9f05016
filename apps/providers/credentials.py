"""Storing and removing users' provider keys. Raw keys come in; ciphertext and previews go out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from apps.core import clock, crypto, snapshot
from apps.providers.models import Credential, Provider

MAX_KEY_LENGTH = 1000
SECTION = "providers"
"""The snapshot section that credentials are in."""


class MalformedKeyError(ValueError):
    """A text that cannot be a provider key. The message does not repeat it."""


@dataclass(slots=True)
class Rotation:
    """How many keys were encrypted anew, and the ids of credentials that no master key can read."""

    rotated: int = 0
    unreadable: list[int] = field(default_factory=list)


def clean_key(raw_key: str) -> str:
    """The key without surrounding space. Raises MalformedKeyError for what could not travel in a header."""
    key = raw_key.strip()
    if not key:
        raise MalformedKeyError("The key is empty.")
    if len(key) > MAX_KEY_LENGTH:
        raise MalformedKeyError(f"The key is longer than {MAX_KEY_LENGTH} characters.")
    if not all("!" <= character <= "~" for character in key):
        raise MalformedKeyError("The key holds spaces or characters that are not ASCII.")
    return key


def put_key(credential: Credential, raw_key: str) -> None:
    """Set the key's columns on an unsaved or loaded row, without saving. Raises MalformedKeyError."""
    key = clean_key(raw_key)
    credential.encrypted_key = crypto.encrypt(key)
    credential.key_preview = crypto.preview(key)
    credential.trusted_since = _now()


def set_key(user: Any, provider: Provider, raw_key: str) -> Credential:
    """Store the user's key for the provider; overrides stay as they are. Raises MalformedKeyError."""
    draft = Credential(user=user, provider=provider)
    put_key(draft, raw_key)
    columns = {name: getattr(draft, name) for name in ("encrypted_key", "key_preview", "trusted_since")}
    credential, _ = Credential.objects.update_or_create(user=user, provider=provider, defaults=columns)
    return credential


def trust(credential: Credential) -> None:
    """The stored key has just passed a test: every process forgets what closed it before, unless it was replaced meanwhile."""
    tested = Credential.objects.filter(pk=credential.pk, encrypted_key=credential.encrypted_key)
    with transaction.atomic():
        if tested.update(trusted_since=_now()):
            snapshot.announce(SECTION)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def remove_key(user: Any, provider: Provider) -> bool:
    """Forget the user's key for the provider, and keep their overrides. False when there was none."""
    credential = Credential.objects.filter(user=user, provider=provider).exclude(encrypted_key="").first()
    if credential is None:
        return False
    credential.encrypted_key = credential.key_preview = ""
    credential.save(update_fields=["encrypted_key", "key_preview", "updated_at"])
    return True


def rotate_keys() -> Rotation:
    """Encrypt every stored key with the first master key. A key that is edited meanwhile is left to its edit.

    The secrets stay the same, so nothing is announced: what processes hold in memory stays right.
    """
    rotation = Rotation()
    rows = Credential.objects.exclude(encrypted_key="").values_list("pk", "encrypted_key")
    for pk, ciphertext in list(rows):
        try:
            fresh = crypto.rotate(ciphertext)
        except crypto.WrongMasterKeyError:
            rotation.unreadable.append(pk)
            continue
        rotation.rotated += Credential.objects.filter(pk=pk, encrypted_key=ciphertext).update(
            encrypted_key=fresh
        )
    return rotation


def check_master_keys() -> int:
    """How many stored keys none of the master keys can read; more than 0 is a reason not to start.

    Raises DatabaseError.
    """
    unreadable = 0
    for ciphertext in Credential.objects.exclude(encrypted_key="").values_list("encrypted_key", flat=True):
        try:
            crypto.decrypt(ciphertext)
        except crypto.WrongMasterKeyError:
            unreadable += 1
    return unreadable
