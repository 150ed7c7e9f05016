"""The clients' own environments: made from their lock files, kept under the digest of those, used as they are as long as nothing changes.

What cannot be had (no network, no such program) is a sentence that the matrix shows, and no failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from tests.real_clients.matrix import ROOM

LOCKS: Final = ROOM / "environments"
INSTALL_TIMEOUT_S: Final = 600
MOST_WORDS: Final = 160


class MissingError(Exception):
    """An environment that cannot be had; the argument says why."""


def kept_in() -> Path:
    """Where environments are kept from run to run: FREEAI_TEST_CLIENTS, or a folder that outlives the home directory of a run."""
    return Path(os.environ.get("FREEAI_TEST_CLIENTS") or "/var/tmp/freeai-real-clients")  # noqa: S108


@cache
def found(name: str) -> Path:
    """The folder of an environment, installed if it has to be; of a program of the system's its own path. Raises MissingError."""
    lock = LOCKS / name
    if not lock.is_dir():
        if program := shutil.which(name):
            return Path(program)
        raise MissingError(f"{name} is not installed on this machine")
    kind = _python if (lock / "requirements.txt").exists() else _node
    return _installed(lock, kind)


def _installed(lock: Path, install: Callable[[Path, Path], None]) -> Path:
    """Made aside and put into place at once: an installation that was broken off is not taken for one."""
    folder = kept_in() / f"{lock.name}-{_digest(lock)}"
    if folder.is_dir():
        return folder
    kept_in().mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(prefix=f"{lock.name}-", dir=kept_in()))
    try:
        install(lock, making)
        with suppress(OSError):  # somebody else was faster
            making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def _digest(lock: Path) -> str:
    files = sorted(path for path in lock.iterdir() if path.is_file())
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _python(lock: Path, folder: Path) -> None:
    _run(
        [sys.executable, "-m", "uv", "venv", "--quiet", "--relocatable", "--allow-existing", str(folder)], {}
    )
    python = str(folder / "bin" / "python")
    locked = ["--require-hashes", "--no-deps", "--compile-bytecode", "-r", str(lock / "requirements.txt")]
    _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, *locked], {})


def _node(lock: Path, folder: Path) -> None:
    """By the lock, whose platforms are not all there to be asked for: `npm ci` would refuse it for those that nobody needs."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("npm is not installed on this machine")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lock / name, folder / name)
    quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([npm, "install", *quiet, "--prefix", str(folder)], {})


def _run(command: list[str], env: Mapping[str, str]) -> None:
    """Raises MissingError."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"its installation took more than {INSTALL_TIMEOUT_S} s") from None
    if done.returncode:
        words = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise MissingError(f"it could not be installed: {words[:MOST_WORDS]}")
