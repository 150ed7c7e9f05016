"""Making a backup, while the gateway serves."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from msgspec.structs import replace

from apps.core import clock, secret_files
from apps.gateway import __version__
from apps.gateway.backup import archive, databases, spool_copy
from apps.gateway.backup.manifest import FORMAT, BackupError, Manifest, fingerprints


def make(target: Path, *, with_secrets: bool = False) -> Manifest:
    """Database, spool and journal of one moment; `with_secrets` also what decrypts them. Raises BackupError, OSError.

    Nobody waits for it. It needs room for an uncompressed copy of the database beside `target`.
    """
    if target.exists():
        raise BackupError(f"{target} is there already: a backup is not written over.")
    with (
        databases.opened() as database,
        tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.DATA_DIR) as of_spool,
        tempfile.TemporaryDirectory(prefix=".backup-", dir=target.resolve().parent) as of_database,
    ):
        spool, copy = Path(of_spool, "spool"), Path(of_database, database.name)
        spool_copy.capture(settings.FREEAI_SPOOL_DIR, database.look, spool)
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            made_at=datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds"),
            vendor=connection.vendor,
            migrations=database.migrations(),
            rows=database.rows(),
            master_keys=fingerprints(),
            holds_secrets=with_secrets,
            files={},
        )
        # What is still appended to is cut here: its description and its bytes have to agree.
        files = dict(_frozen(spool, Path(of_spool, "frozen")))
        database.write(copy)
        files[database.name] = copy
        if with_secrets:
            files |= _secrets(Path(of_spool))
        manifest = replace(manifest, files={name: archive.described(path) for name, path in files.items()})
        archive.write(target, manifest, files)
        return manifest


def _frozen(spool: Path, into: Path) -> Iterator[tuple[str, Path]]:
    """Copies, by their names in the archive. A line that is cut is skipped by whoever reads it."""
    for path in sorted(spool.rglob("*")):
        if path.is_file():
            name = path.relative_to(spool)
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, into / name)
            yield f"spool/{name.as_posix()}", into / name


def _secrets(into: Path) -> dict[str, Path]:
    """As files, wherever they came from."""
    if not secret_files.are_there():
        raise BackupError("There are no secrets here yet: run `manage.py setup`.")
    files = {"secrets/secret_key": into / "secret_key", "secrets/master_keys": into / "master_keys"}
    files["secrets/secret_key"].write_text(f"{settings.SECRET_KEY}\n")
    files["secrets/master_keys"].write_text(",".join(settings.FREEAI_MASTER_KEYS) + "\n")
    return files
