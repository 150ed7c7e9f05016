"""Storing and removing users' provider keys. Raw keys come in; ciphertext and previews go out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from apps.core import clock, crypto, snapshot
from apps.providers.destinations import destinations_of
from apps.providers.models import Credential, Provider

MAX_KEY_LENGTH = 1000
PASSES = 3
"""Of a rotation, over what was stored meanwhile."""
KEY_COLUMNS = (
    "encrypted_key",
    "key_preview",
    "key_origins",
    "trusted_since",
    "listed_at",
    "withheld",
    "account_facts",
)
SECTION = "providers"
"""The snapshot section that credentials are in."""


LOOKED_AT = 100
"""Stored keys, the last ones first, that are tried to tell whether the master keys are those of this installation."""
OTHER_MASTER_KEYS = (
    "The master keys read none of the keys that are stored: this one would be lost when the right ones are back. "
    "Restore secrets/master_keys or FREEAI_MASTER_KEYS; if they are lost for good, remove the stored keys first."
)


class KeyRefusedError(ValueError):
    """A provider key that is not stored. The message says why, and does not repeat it."""


class MalformedKeyError(KeyRefusedError):
    """A text that cannot be a provider key."""


class OtherMasterKeysError(KeyRefusedError):
    """The master keys of now are not those under which this installation keeps its keys."""


@dataclass(slots=True)
class Rotation:
    """How many keys were encrypted anew, the ids of credentials that no master key can read, and how many are under another master key
    than the first all the same: a process that does not know it goes on storing keys."""

    rotated: int = 0
    unreadable: list[int] = field(default_factory=list)
    left: int = 0


def clean_key(raw_key: str) -> str:
    """The key without surrounding space. Raises MalformedKeyError for what could not travel in a header."""
    key = raw_key.strip()
    if not key:
        raise MalformedKeyError("The key is empty.")
    if len(key) > MAX_KEY_LENGTH:
        raise MalformedKeyError(f"The key is longer than {MAX_KEY_LENGTH} characters.")
    if not all("!" <= character <= "~" for character in key):
        raise MalformedKeyError("The key holds spaces or characters that are not ASCII.")
    if "..." in key or "<" in key:
        raise MalformedKeyError("The key is a placeholder: put the provider's own in its place.")
    return key


def storable(raw_key: str) -> str:
    """The clean key, where it can be kept so that it is read again. Raises KeyRefusedError."""
    key = clean_key(raw_key)
    stored = Credential.objects.exclude(encrypted_key="").order_by("-updated_at")
    ciphertexts = list(stored.values_list("encrypted_key", flat=True)[:LOOKED_AT])
    if ciphertexts and not any(map(_is_readable, ciphertexts)):
        raise OtherMasterKeysError(OTHER_MASTER_KEYS)
    return key


def _is_readable(ciphertext: str) -> bool:
    try:
        crypto.decrypt(ciphertext)
    except crypto.WrongMasterKeyError:
        return False
    return True


def put_key(credential: Credential, raw_key: str) -> None:
    """Set the key's columns on an unsaved or loaded row, without saving. Raises KeyRefusedError."""
    key = storable(raw_key)
    if not _is_stored(credential, key):
        forget_told(credential)
    credential.encrypted_key = crypto.encrypt(key)
    credential.key_preview = crypto.preview(key)
    credential.key_origins = sorted(destinations_of(credential.provider))
    credential.trusted_since = _now()


def own_row(user_id: int, provider: Provider) -> Credential:
    """The user's row there, locked until the transaction ends, or a new one that is not saved yet: a first key is one act, and one entry of
    the audit. Of two that make the first row at once, one waits for the other."""
    rows = Credential.objects.select_for_update().filter(user_id=user_id, provider=provider)
    found = rows.first()
    if found is None:
        list(get_user_model().objects.select_for_update().filter(pk=user_id).values_list("pk"))
        found = rows.first()
    return found or Credential(user_id=user_id, provider=provider)


def put_settings(credential: Credential, settings: Any) -> None:
    """Set what the provider needs beside the key, on an unsaved or loaded row, without saving."""
    if settings != credential.settings:
        forget_told(credential)
        credential.settings = settings


def forget_told(credential: Credential) -> None:
    """What the provider showed and told to another key, or to other settings, says nothing of these: its list is read anew."""
    credential.listed_at = None
    credential.withheld = []
    credential.account_facts = {}
    if credential.pk:
        credential.evidence.all().delete()


def _is_stored(credential: Credential, key: str) -> bool:
    try:
        return bool(credential.encrypted_key) and crypto.decrypt(credential.encrypted_key) == key
    except crypto.WrongMasterKeyError:
        return False


def set_key(user: Any, provider: Provider, raw_key: str) -> Credential:
    """Store the user's key for the provider; overrides stay as they are. Raises KeyRefusedError."""
    draft = Credential.objects.filter(user=user, provider=provider).first() or Credential(provider=provider)
    put_key(draft, raw_key)
    columns = {name: getattr(draft, name) for name in KEY_COLUMNS}
    credential, _ = Credential.objects.update_or_create(user=user, provider=provider, defaults=columns)
    return credential


@transaction.atomic
def use_without_key(user: Any, provider: Provider) -> Credential:
    """The user's credential for a provider that needs no key, in use from now on as the provider is; what closed it before is forgotten."""
    if not provider.enabled:
        provider.enabled = True
        provider.save(update_fields=["enabled", "updated_at"])
    columns = {"enabled": True, "trusted_since": _now()}
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
    """Encrypt every stored key with the first master key. A key that is edited meanwhile is left to its edit, and looked at again.

    The secrets stay the same, so nothing is announced: what processes hold in memory stays right.
    """
    rotation = Rotation()
    due = _ciphertexts()
    for _ in range(PASSES):
        _rotate(due, rotation)
        due = [
            row
            for row in _ciphertexts()
            if row[0] not in rotation.unreadable and not crypto.is_current(row[1])
        ]
        if not due:
            break
    rotation.left = len(due)
    return rotation


def _ciphertexts() -> list[tuple[int, str]]:
    return list(Credential.objects.exclude(encrypted_key="").values_list("pk", "encrypted_key"))


def _rotate(rows: list[tuple[int, str]], rotation: Rotation) -> None:
    for pk, ciphertext in rows:
        try:
            fresh = crypto.rotate(ciphertext)
        except crypto.WrongMasterKeyError:
            rotation.unreadable.append(pk)
            continue
        rotation.rotated += Credential.objects.filter(pk=pk, encrypted_key=ciphertext).update(
            encrypted_key=fresh
        )


def check_master_keys() -> int:
    """How many stored keys none of the master keys can read; more than 0 is a reason not to start.

    Raises DatabaseError.
    """
    return sum(not _is_readable(ciphertext) for _, ciphertext in _ciphertexts())
