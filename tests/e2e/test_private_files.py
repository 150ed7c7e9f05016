"""What FreeAI writes is for its own user alone, from the first second, whatever the shell's umask is."""

import os
import stat
from pathlib import Path

import pytest

from tests.e2e.server import start, wait_until


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "open before"])
def test_nobody_else_may_read_anything(tmp_path: Path, is_there: bool):
    data_dir = tmp_path / "data"
    if is_there:
        data_dir.mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        server = start(data_dir, from_nothing=True)
    finally:
        os.umask(before)
    try:
        assert server.chat(model="sandbox/ok").status_code == 200
        wait_until(lambda: (data_dir / "broker").exists())  # Celery's child begins behind the gateway
    finally:
        server.stop()

    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [data_dir, *data_dir.rglob("*")]}
    ours = {path: mode for path, mode in found.items() if path.name != "console.log"}  # the test's own
    names = {path.name for path in ours}
    assert {"freeai.sqlite3", "master_keys", "broker"} <= names
    assert {str(path.relative_to(tmp_path)): oct(mode) for path, mode in ours.items() if mode & 0o077} == {}
