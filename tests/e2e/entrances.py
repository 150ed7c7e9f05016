"""Every way into FreeAI, as a process that is expected to end by itself."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.server import free_port
from tests.e2e.surroundings import ROOT, clean_env

TIMEOUT_S = 300  # patience, on a machine that is shared

MANAGE = [sys.executable, "manage.py"]
ENTRANCES = {
    "serve": [*MANAGE, "serve", "--no-tasks"],
    "check": [*MANAGE, "check"],
    "setup": [*MANAGE, "setup"],
    "shell": [*MANAGE, "shell", "-c", "print('it went on')"],
    "uvicorn": [sys.executable, "-m", "uvicorn", "freeai.asgi:application", "--port", "0"],
    "celery": [sys.executable, "-m", "celery", "-A", "freeai.celery", "worker", "--pool", "solo"],
}


def run(command: list[str], data_dir: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end, with no FREEAI_* variables but these and a free port."""
    settings = {"FREEAI_DATA_DIR": str(data_dir), "FREEAI_PORT": str(free_port())} | env
    return subprocess.run(
        command,
        cwd=ROOT,
        env=clean_env() | settings,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def manage(*arguments: str, data_dir: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py` with these arguments."""
    return run([*MANAGE, *arguments], data_dir, **env)
