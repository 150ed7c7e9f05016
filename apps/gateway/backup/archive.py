"""The file of a backup: a compressed tar, its manifest first, and nothing in it that is not in the manifest."""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from apps.gateway.backup.manifest import MOST_BYTES, NAME, BackupError, File, Manifest, decode, encode

COMPRESSION: Final = 3
PIECE: Final = 1024 * 1024
MEMBER: Final = re.compile(
    r"database\.(sqlite3|dump)|secrets/(secret_key|master_keys)|spool/blocks|spool/[A-Za-z0-9_-]{1,100}/[A-Za-z0-9_.-]{1,100}\.jsonl"
)
"""All that a backup holds: whatever else an archive names is not written anywhere."""


def described(path: Path) -> File:
    """Its size and digest."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return File(size, digest.hexdigest())


def write(target: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Whole or not at all, for its owner only. Raises OSError."""
    draft = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz", compresslevel=COMPRESSION) as tar:
                text = encode(manifest)
                tar.addfile(_member(NAME, len(text)), io.BytesIO(text))
                for name, path in files.items():
                    with path.open("rb") as file:
                        tar.addfile(_member(name, manifest.files[name].size), file)
            out.flush()
            os.fsync(out.fileno())
        _publish(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, target: Path) -> None:
    """A file that came meanwhile is not written over, where the disk has links. Raises OSError."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:
        draft.rename(target)


def read_manifest(source: Path) -> Manifest:
    """Raises BackupError, OSError."""
    with _Archive(source) as tar:
        return _manifest(tar)


def extract(source: Path, into: Path) -> Manifest:
    """All of it below `into`, each file as the manifest describes it. Raises BackupError, OSError."""
    with _Archive(source) as tar:
        manifest = _manifest(tar)
        seen = set(_extracted(tar, manifest, into))
    if missing := sorted(set(manifest.files) - seen):
        raise BackupError(f"This backup is cut off: {missing[0]} is not in it. Use another one.")
    return manifest


def _extracted(tar: tarfile.TarFile, manifest: Manifest, into: Path) -> Iterator[str]:
    while (member := tar.next()) is not None:  # behind the manifest, which was read
        expected = manifest.files.get(member.name)
        if expected is None or not MEMBER.fullmatch(member.name) or not member.isfile():
            raise BackupError(
                f"This backup holds what no backup does: {member.name[:100]!r}. It was not restored."
            )
        target = into / member.name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = tar.extractfile(member)
        if file is None or member.size != expected.size or _copied(file, target) != expected.sha256:
            raise BackupError(
                f"This backup is damaged: {member.name} is not what was stored. Use another one."
            )
        yield member.name


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != NAME or not first.isfile() or first.size > MOST_BYTES:
        raise BackupError("This is no backup of FreeAI: it does not begin with a manifest.")
    file = tar.extractfile(first)
    return decode(file.read() if file else b"")


def _copied(file: IO[bytes], target: Path) -> str:
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while piece := file.read(PIECE):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


class _Archive:
    """`with` an archive to be read; what is no archive, or cut off, is a BackupError."""

    def __init__(self, source: Path) -> None:
        self._source = source

    def __enter__(self) -> tarfile.TarFile:
        try:
            self._tar = tarfile.open(self._source, "r:gz")
        except (tarfile.TarError, EOFError) as error:
            raise BackupError(f"{self._source} is no backup of FreeAI: {error}.") from None
        return self._tar

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._tar.close()
        if isinstance(error, tarfile.TarError | EOFError) or type(error).__module__ == "zlib":
            raise BackupError(f"{self._source} is cut off or damaged: {error}. Use another backup.") from None


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info
