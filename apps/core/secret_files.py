"""Secrets that no variable gives: set-up makes them once, in the data directory, where the settings of every later process find them."""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SECRET_KEY = "secret_key"  # noqa: S105 - a file's name
MASTER_KEYS = "master_keys"


def ensure() -> None:
    """Make the secret key and a master key where there is none yet, and use them in this process from now on.

    Whoever comes second takes over what the first one made. Raises OSError.
    """
    if not _secret_key():
        settings.SECRET_KEY = _made_once(SECRET_KEY, secrets.token_urlsafe(50))
    if not settings.FREEAI_MASTER_KEYS:
        settings.FREEAI_MASTER_KEYS = [_made_once(MASTER_KEYS, Fernet.generate_key().decode())]


def are_there() -> bool:
    """Whether this process has both."""
    return bool(_secret_key() and settings.FREEAI_MASTER_KEYS)


def _secret_key() -> str:
    """Django answers for an empty one with an exception."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""


def _made_once(name: str, value: str) -> str:
    """What the file holds afterwards, readable for its owner only. It appears whole or not at all."""
    folder: Path = settings.FREEAI_SECRETS_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())  # what is encrypted with it must not outlive it in a power cut
        os.link(draft, folder / name)
    except FileExistsError:
        return (folder / name).read_text().strip()
    finally:
        draft.unlink(missing_ok=True)
    return value
