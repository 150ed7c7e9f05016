"""Putting a backup where nothing is yet."""

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from apps.analytics.segments import segments
from apps.core import master_keys, secret_files
from apps.gateway.backup import archive, databases
from apps.gateway.backup.manifest import BackupError, Manifest, fingerprint
from apps.gateway.process import database_lock


def restore(source: Path) -> Manifest:
    """Database, spool, journal, and the secrets that it holds where there are none. Raises BackupError, OSError, DatabaseError.

    Nothing is written before everything was looked at, and the database comes whole or not at all.
    """
    manifest = archive.read_manifest(source)
    _refuse_newer(manifest)
    _refuse_other_vendor(manifest)
    _refuse_what_is_in_use()
    _refuse_wrong_master_keys(manifest)
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.DATA_DIR) as folder:
        extracted = Path(folder)
        manifest = archive.extract(source, extracted)
        if manifest.holds_secrets:
            _put_secrets(extracted / "secrets")
        databases.fill(
            extracted / ("database.dump" if manifest.vendor == "postgresql" else "database.sqlite3")
        )
        _put_spool(extracted / "spool")
    _compare(manifest)
    return manifest


def _refuse_newer(manifest: Manifest) -> None:
    """A database of a later version is not one that this version can work with."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations}
    apps = {app for app, _ in loader.disk_migrations}
    if newer := [each for each in manifest.migrations if each not in known and each.split(".")[0] in apps]:
        raise BackupError(
            f"This backup is of a newer version ({manifest.version}) than this one: it has {newer[-1]}, which this one does not know. "
            "Restore it with that version."
        )


def _refuse_other_vendor(manifest: Manifest) -> None:
    if manifest.vendor != connection.vendor:
        raise BackupError(
            f"This backup is of {manifest.vendor}, and FREEAI_DATABASE_URL names {connection.vendor}. "
            f"Name an empty {manifest.vendor} database."
        )


def _refuse_what_is_in_use() -> None:
    if not databases.is_empty():
        raise BackupError(
            "The database is not empty: a backup is only restored where nothing is. Name another one in FREEAI_DATABASE_URL."
        )
    if database_lock.is_served():
        raise BackupError("A gateway serves on this database: stop it first.")
    root: Path = settings.FREEAI_SPOOL_DIR
    if root.exists() and any(segments(folder) for folder in root.glob("[!.]*/")):
        raise BackupError(
            f"Usage events of another database wait in {root}: they would be written into this one. Use another FREEAI_DATA_DIR."
        )


def _refuse_wrong_master_keys(manifest: Manifest) -> None:
    """Stored provider keys are worth nothing without the key that encrypted them."""
    ours = [fingerprint(key) for key in settings.FREEAI_MASTER_KEYS]
    if set(manifest.master_keys) & set(ours) or not manifest.master_keys:
        return
    if not ours and manifest.holds_secrets:
        return
    place = settings.FREEAI_SECRETS_DIR / secret_files.MASTER_KEYS
    have = "the master keys here are others" if ours else "there is no master key here"
    raise BackupError(
        f"The provider keys in this backup are encrypted with the master key {manifest.master_keys[0]} (its fingerprint), and {have}: "
        f"put it into {place} or FREEAI_MASTER_KEYS first."
    )


def _put_secrets(folder: Path) -> None:
    """Those that are there already stay: variables, or files of an operator's."""
    settings.FREEAI_SECRETS_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (secret_files.SECRET_KEY, secret_files.MASTER_KEYS):
        target = settings.FREEAI_SECRETS_DIR / name
        if not target.exists():
            shutil.copyfile(folder / name, target)
            target.chmod(0o600)
    master_keys.current()


def _put_spool(folder: Path) -> None:
    """As what a dead process left: the next start takes it over."""
    if not folder.exists():
        return
    root: Path = settings.FREEAI_SPOOL_DIR
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for entry in sorted(folder.iterdir()):
        target = root / entry.name
        if entry.is_dir():
            shutil.copytree(entry, target)
            target.chmod(0o700)
        else:
            shutil.copyfile(entry, target)


def _compare(manifest: Manifest) -> None:
    with databases.opened() as database:
        database.look()
        found = database.rows()
    if found != manifest.rows:
        raise ImproperlyConfigured(
            f"The restored database has {found}, and the backup had {manifest.rows}: do not use it, and report this."
        )
