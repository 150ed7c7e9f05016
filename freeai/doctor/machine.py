"""What the machine gives: files, room, descriptors, the clock."""

import json
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from apps.analytics.segments import segments
from apps.core import clock, secret_files
from apps.gateway.edge.patience import most_connections
from freeai.doctor.findings import Finding, error, note, ok, warning

OTHERS: Final = 0o077
LITTLE_BYTES: Final = 256 * 1024 * 1024
SHORT_SHARE: Final = 0.05
FEW_FILES: Final = 4096
LEFT_BEHIND: Final = (".backup-*", ".restore-*")
LEFT_S: Final = 86_400.0
UNDRAINED_S: Final = 3600.0
"""An attempt keeps its file for as long as it takes, which is minutes."""
USED: Final = (
    "*.sqlite3*",
    "secrets",
    "spool",
    "broker",
    "metrics",
    "static",
    "celerybeat-schedule*",
    "serve.lock",
    "told_keys",
)
"""What FreeAI makes in the data directory. Others may keep things there that it never opens."""
BUILT: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right is before it."""
NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "glusterfs", "ceph"})


def data_directory() -> Iterator[Finding]:
    """Where everything is written, for its owner alone."""
    folder: Path = settings.DATA_DIR
    if not folder.exists():
        yield error(
            f"{folder} is not there: FreeAI is not set up here.",
            "manage.py setup, or correct FREEAI_DATA_DIR.",
        )
        return
    if folder.stat().st_mode & OTHERS:
        yield warning(f"{folder} is open to other users of the machine.", f"chmod 700 {folder}")
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"written")
    except OSError as failure:
        yield error(
            f"Nothing can be written in {folder}: {failure.strerror}.", "Free the disk, or mend its rights."
        )
    for file in sorted(settings.FREEAI_SECRETS_DIR.glob("*")):
        if file.stat().st_mode & OTHERS:
            yield error(f"{file} can be read by other users of the machine.", f"chmod 600 {file}")
    yield from _of_others(folder)
    for left in sorted(path for kind in LEFT_BEHIND for path in folder.glob(kind)):
        if clock.now() - left.stat().st_mtime > LEFT_S:
            yield warning(
                f"{left} was left by a backup or a restore that was killed: it holds room on the disk.",
                f"rm -r {left}",
            )
    if not secret_files.are_there():
        yield error("There is no secret key or no master key yet.", "manage.py setup")
    yield ok(str(folder))


def _of_others(folder: Path) -> Iterator[Finding]:
    """What a command left there that ran as another user, root above all. A folder of root's tells nothing: it may be a volume's."""
    owner = folder.stat().st_uid
    sees_all = os.geteuid() == 0
    secrets = set(settings.FREEAI_SECRETS_DIR.glob("*"))
    for path in sorted({path for name in USED for path in folder.glob(name)} | secrets):
        if (state := _state(path)) is None:
            continue
        needed = os.R_OK if path in secrets else os.R_OK | os.W_OK
        if not os.access(path, needed) or (sees_all and owner and state.st_uid != owner):
            yield error(
                f"{path} is not for the user that {folder} belongs to: a command has run as another one, such as root.",
                f"chown -R {owner} {folder}",
            )


def disk() -> Iterator[Finding]:
    """Room for the ledger and the spool."""
    folder = _existing(settings.DATA_DIR)
    usage = shutil.disk_usage(folder)
    free = f"{_size(usage.free)} of {_size(usage.total)} are free on the disk of {folder}"
    if usage.free < LITTLE_BYTES:
        yield error(f"Only {free}.", "Free it: soon neither usage events nor the database can be written.")
    elif usage.free < settings.FREEAI_SPOOL_MAX_BYTES or usage.free < SHORT_SHARE * usage.total:
        yield warning(
            f"Only {free}.",
            "Free it, or lower FREEAI_SPOOL_MAX_BYTES: so much may wait there while the database is away.",
        )
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < SHORT_SHARE * inodes.f_files:
        yield warning(f"Almost no inodes are left on the disk of {folder}.", "Delete many small files.")
    yield ok(f"{free}.")


def files() -> Iterator[Finding]:
    """Descriptors: a stream takes two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    if not unlimited and hard < FEW_FILES:
        yield warning(
            f"A process may open {hard} files: enough for some {hard // 4} streams.",
            "Raise the limit (ulimit -n, LimitNOFILE of the service, ulimits of compose).",
        )
    if not unlimited and hard // 2 < settings.FREEAI_MAX_CONNECTIONS:
        yield error(
            f"FREEAI_MAX_CONNECTIONS is {settings.FREEAI_MAX_CONNECTIONS}, but a process may open {hard} files, and a stream takes 2.",
            f"Raise the limit to {2 * settings.FREEAI_MAX_CONNECTIONS + 200}, or lower FREEAI_MAX_CONNECTIONS.",
        )
    yield ok(
        f"A process may open {'any number of' if unlimited else hard} files; {most_connections()} connections at most."
    )


def time() -> Iterator[Finding]:
    """The clock by itself; how far it is from others' is told by who has another."""
    now = datetime.fromtimestamp(clock.now(), UTC)
    if now < BUILT:
        yield error(
            f"The clock says {now:%Y-%m-%d %H:%M} UTC, before this version was made.",
            "Set it, and run a time service: quotas, keys and retention go by it.",
        )
    yield ok(f"{now:%Y-%m-%d %H:%M:%S} UTC")


def spool() -> Iterator[Finding]:
    """What waits for the database, and what nobody takes."""
    root: Path = settings.FREEAI_SPOOL_DIR
    if not root.exists():
        return
    waiting, oldest = 0, clock.now()
    for directory in sorted(root.glob("[!.]*/")):
        if directory.name == "blocks":
            continue
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            yield error(
                f"{directory} cannot be read: usage events of an earlier process wait there.",
                "Make it and its files readable and writable for FreeAI, or move it away.",
            )
            continue
        for state in filter(None, map(_state, segments(directory))):
            waiting += state.st_size
            oldest = min(oldest, state.st_mtime)
    if waiting and clock.now() - oldest > UNDRAINED_S:
        yield warning(
            f"Usage events have waited in {root} since {datetime.fromtimestamp(oldest, UTC):%Y-%m-%d %H:%M} UTC: nobody writes them to the "
            "database.",
            "manage.py serve, which takes over what any process left there; where one runs, its log says why it does not "
            "(usage.not_written, usage.not_adopted).",
        )
    if waiting > settings.FREEAI_SPOOL_MAX_BYTES // 2:
        yield warning(
            f"{_size(waiting)} of usage events wait in {root}, of {_size(settings.FREEAI_SPOOL_MAX_BYTES)} that may.",
            "See whether the database is away, or slower than what comes (freeai_spool_lag_seconds).",
        )
    refused = root / "refused.jsonl"
    if refused.exists() and refused.stat().st_size:
        lines = sum(1 for _ in refused.open("rb"))
        yield warning(
            f"{refused} holds {lines} usage events that no database took.",
            "That is a fault of FreeAI's: report it with the log lines usage.event_refused, then move the file away.",
        )
    kind = file_system(root)
    if kind in NETWORK:
        yield warning(
            f"{root} is on a network file system ({kind}), whose locks may not hold after a failure.",
            "Use a local disk for FREEAI_DATA_DIR.",
        )
    yield ok(f"{_size(waiting)} wait in {root}.")


def celery_files() -> Iterator[Finding]:
    """The file broker of the embedded form."""
    if settings.FREEAI_REDIS_URL:
        return
    for file in (settings.BROKER_DIR / "control").glob("*.exchange"):
        try:
            json.loads(file.read_bytes())
        except (OSError, ValueError):
            yield note(f"{file} is torn: the next start of the worker makes it anew.")
    queue = settings.BROKER_DIR / "queue"
    if queue.exists() and (tasks := sum(1 for _ in queue.iterdir())) > MANY_TASKS:
        yield warning(
            f"{tasks} tasks wait in {queue}: no worker takes them.",
            "Start one (manage.py serve does so), or delete the files: the tasks are sent anew by schedule.",
        )


MANY_TASKS: Final = 200


def file_system(path: Path) -> str:
    """The kind of file system that holds it, "" where nobody can tell."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return ""
    resolved = path.resolve()
    holding = [
        (mount[1], mount[2]) for mount in mounts if resolved.is_relative_to(mount[1].replace("\\040", " "))
    ]
    return max(holding, key=lambda mount: len(mount[0]), default=("", ""))[1]


def _state(path: Path) -> os.stat_result | None:
    """None where it is gone meanwhile: a gateway may be at work."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004 - a KiB
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
