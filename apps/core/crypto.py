"""Encryption of provider keys at rest: Fernet, several master keys, the first encrypts."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.core.exceptions import ImproperlyConfigured

from apps.core import master_keys


class WrongMasterKeyError(Exception):
    """A stored secret cannot be read with any of the master keys."""


def _fernets() -> list[Fernet]:
    keys = master_keys.current()
    if not keys:
        raise ImproperlyConfigured("There is no master key yet: run `manage.py setup`.")
    return [Fernet(key) for key in keys]


def encrypt(secret: str) -> str:
    """Ciphertext as text, with the first master key."""
    return MultiFernet(_fernets()).encrypt(secret.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """The secret. Raises WrongMasterKeyError."""
    try:
        return MultiFernet(_fernets()).decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise WrongMasterKeyError from None


def rotate(ciphertext: str) -> str:
    """The same secret under the first master key. Raises WrongMasterKeyError."""
    try:
        return MultiFernet(_fernets()).rotate(ciphertext.encode()).decode()
    except InvalidToken:
        raise WrongMasterKeyError from None


def is_current(ciphertext: str) -> bool:
    """Whether the first master key alone can read it."""
    try:
        _fernets()[0].decrypt(ciphertext.encode())
    except InvalidToken:
        return False
    return True


MIN_PREVIEWED = 16


def preview(secret: str) -> str:
    """What may be shown of a key: first four and last three characters (`gsk_***abc`); nothing of a key under 16 characters."""
    return f"{secret[:4]}***{secret[-3:]}" if len(secret) >= MIN_PREVIEWED else "***"
