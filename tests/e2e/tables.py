"""The tables of a new installation on SQLite, made and filled as its first start does it: once in each process of the tests, and copied to
where a gateway is about to begin. Its secrets are not among them: those its own first start makes, and prints."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.e2e.surroundings import ROOT, clean_env

FILE = "freeai.sqlite3"
SQLITE = "sqlite:///"
MAKE = "from freeai.entrance import enter; enter(); from apps.gateway.process import setup; setup.prepare()"


def lay(data_dir: Path, url: str = "") -> None:
    """Where there are none. The directory is made. `url`: of another database than its own; on PostgreSQL nothing is done."""
    if url and not url.startswith(SQLITE):
        return
    data_dir.mkdir(exist_ok=True)
    file = Path(url.removeprefix(SQLITE)) if url else data_dir / FILE
    if not file.exists():
        shutil.copy(_made(), file)


@cache
def _made() -> Path:
    folder = tempfile.mkdtemp(prefix="freeai-tables-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = clean_env() | {"FREEAI_DATA_DIR": folder}
    subprocess.run(
        [sys.executable, "-c", MAKE], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=100
    )
    return Path(folder) / FILE
