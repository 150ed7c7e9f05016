"""The master keys as they are now: what a variable gave at the start, or what is in the file, which may change while a process runs.

A key that one process has begun to encrypt with is known to all the others the moment they meet it: that is what lets the master key be
changed under a running gateway.
"""

from pathlib import Path
from typing import Final

import structlog
from cryptography.fernet import Fernet
from django.conf import settings

log = structlog.get_logger("freeai.master_keys")

Stamp = tuple[int, int, int]
GONE: Final[Stamp] = (0, 0, 0)


def parse(text: str) -> list[str]:
    """Fernet keys, the one that encrypts first. Raises ValueError with the end of "… must be …", which does not quote them."""
    keys = [item.strip() for item in text.split(",") if item.strip()]
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = []
    if not keys:
        raise ValueError("Fernet keys (32 bytes in url-safe base64), comma-separated.")
    return keys


class _File:
    """The file as it was last looked at. Threads may read it twice, which does no harm."""

    def __init__(self) -> None:
        self._stamp: Stamp | None = None

    def follow(self, file: Path) -> None:
        """Take over what it holds, if that has changed. What cannot be used changes nothing: the keys of before serve."""
        stamp = _stamp_of(file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            settings.FREEAI_MASTER_KEYS = parse(file.read_text())
        except (OSError, ValueError) as error:
            if settings.FREEAI_MASTER_KEYS:  # else set-up is about to make it
                log.error("master_keys.unreadable", file=str(file), error=type(error).__name__)


def _stamp_of(file: Path) -> Stamp:
    """What is another one whenever the file is."""
    try:
        found = file.stat()
    except OSError:
        return GONE
    return found.st_mtime_ns, found.st_ino, found.st_size


_file = _File()


def current() -> list[str]:
    """All that decrypt, the one that encrypts first; none before set-up."""
    if settings.FREEAI_MASTER_KEYS_FILE is not None:
        _file.follow(settings.FREEAI_MASTER_KEYS_FILE)
    keys: list[str] = settings.FREEAI_MASTER_KEYS
    return keys
