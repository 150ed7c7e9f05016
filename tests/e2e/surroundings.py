"""Where a process of FreeAI runs in the tests, and what it finds in its environment."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from apps.providers.catalogue_files import read_catalogue

ROOT = Path(__file__).resolve().parents[2]
ABSENT = ("rich", "pygments")
"""What serving does not install. Tools of development bring it, and structlog and REST framework load it where they find it: 60 ms of CPU
for each process."""


def clean_env() -> dict[str, str]:
    """Ours, without what configures FreeAI or Django, and without providers' keys."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FREEAI_", "DJANGO_")) and name not in _of_providers()
    }
    path = [str(_without_the_absent()), *filter(None, [ours.get("PYTHONPATH")])]
    return ours | {"PYTHONPATH": os.pathsep.join(path)}


@cache
def _of_providers() -> frozenset[str]:
    return frozenset(name for entry in read_catalogue() for name in entry.key_env)


@cache
def _without_the_absent() -> Path:
    """A folder that comes first, and says that they are not there."""
    folder = Path(tempfile.mkdtemp(prefix="freeai-absent-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ABSENT:
        (folder / f"{name}.py").write_text(f"raise ImportError('serving installs no {name}')\n")
    return folder
