"""Encryption of provider keys at rest: Fernet, several master keys, the first encrypts."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class WrongMasterKeyError(Exception):
    """A stored secret cannot be read with any of the master keys."""


def _fernet() -> MultiFernet:
    if not settings.FREEAI_MASTER_KEYS:
        raise ImproperlyConfigured("There is no master key yet: run `manage.py setup`.")
    return MultiFernet([Fernet(key) for key in settings.FREEAI_MASTER_KEYS])


def encrypt(secret: str) -> str:
    """Ciphertext as text, with the first master key."""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """The secret. Raises WrongMasterKeyError."""
    try:
        return _fernet().decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise WrongMasterKeyError from None


def rotate(ciphertext: str) -> str:
    """The same secret under the first master key. Raises WrongMasterKeyError."""
    try:
        return _fernet().rotate(ciphertext.encode()).decode()
    except InvalidToken:
        raise WrongMasterKeyError from None


MIN_PREVIEWED = 16


def preview(secret: str) -> str:
    """What may be shown of a key: first four and last three characters (`gsk_***abc`); nothing of a key under 16 characters."""
    return f"{secret[:4]}***{secret[-3:]}" if len(secret) >= MIN_PREVIEWED else "***"
