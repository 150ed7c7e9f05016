"""What a backup says of itself: the first member of its archive."""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from apps.core import master_keys

FORMAT: Final = 1
NAME: Final = "manifest.json"
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a manifest: some hundred bytes a file."""


class BackupError(Exception):
    """It cannot be made or restored. The text is a sentence with the remedy."""


class File(Struct, frozen=True):
    """A member of the archive: its bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """`vendor`: whose database it is ("sqlite", "postgresql"). `migrations`: those that are applied, as `app.name`. `rows`: how many a few
    tables have, as of the backup. `master_keys`: fingerprints of those that decrypt the stored provider keys, the first encrypts; the keys
    themselves are in the archive only where `holds_secrets`. `files` by name."""

    format: int
    version: str
    made_at: str
    vendor: str
    migrations: list[str]
    rows: dict[str, int]
    master_keys: list[str]
    holds_secrets: bool
    files: dict[str, File]


def fingerprint(key: str) -> str:
    """Of a master key, by which it is known again and nothing is learnt of it: it has 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def fingerprints() -> list[str]:
    """Of the master keys of now, the one that encrypts first."""
    return [fingerprint(key) for key in master_keys.current()]


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode(text: bytes) -> Manifest:
    """Raises BackupError for what is none, or of a later format."""
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"This is no backup of FreeAI: {error}.") from None
    if manifest.format > FORMAT:
        raise BackupError(
            f"This backup was made by FreeAI {manifest.version}, in a form that is newer than this version: restore it with that one."
        )
    return manifest
