"""What serving does not install, and a process that is tested or measured must not find: tools of development bring it, and structlog and
REST framework load it where they find it, 60 ms of CPU and 9 MiB for each process."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

ABSENT: Final = ("rich", "pygments")


def without_the_absent(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that finds none of it."""
    path = [str(_folder()), *filter(None, [env.get("PYTHONPATH")])]
    return {**env, "PYTHONPATH": os.pathsep.join(path)}


@cache
def _folder() -> Path:
    """It comes first, and says that they are not there."""
    folder = Path(tempfile.mkdtemp(prefix="freeai-absent-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ABSENT:
        (folder / f"{name}.py").write_text(f"raise ImportError('serving installs no {name}')\n")
    return folder
