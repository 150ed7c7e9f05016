"""Several processes set FreeAI up at the same time: one of them does, and shows its secrets; the others find it done."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.entrances import MANAGE
from tests.e2e.postgres import database
from tests.e2e.surroundings import ROOT, clean_env

AT_ONCE = 4


def set_up_at_once(data_dir: Path, **env: str) -> list[dict]:
    """What each of them printed."""
    processes = [
        subprocess.Popen(
            [*MANAGE, "setup", "--json"],
            cwd=ROOT,
            env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir)} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(AT_ONCE)
    ]
    ended = [(*process.communicate(timeout=100), process.returncode) for process in processes]
    assert [code for *_, code in ended] == [0] * AT_ONCE, ended
    assert not any("Traceback" in said for _, said, _ in ended)
    return [json.loads(printed) for printed, *_ in ended]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_one_makes_the_secrets(tmp_path: Path, engine: str):
    if engine == "sqlite":
        made = set_up_at_once(tmp_path / "data")
    else:
        with database() as own:
            made = set_up_at_once(tmp_path / "data", FREEAI_DATABASE_URL=own.url)

    for secret in ("password", "admin_token", "client_key"):
        assert len([one for one in made if one[secret]]) == 1
