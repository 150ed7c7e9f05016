"""`make services`: both answer afterwards, a second run changes nothing, and only what was started is stopped."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from tests.e2e.server import free_port
from tests.e2e.surroundings import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("redis-server") and any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))),
        reason="PostgreSQL and Redis are not installed",
    ),
]


@pytest.fixture
def arguments() -> Iterator[list[str]]:
    """A folder that another user can reach, and free ports."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
        os.chmod(made, 0o711)  # noqa: S103 - who knows a name may pass, and nobody look
        ports = ["--postgres-port", str(free_port()), "--redis-port", str(free_port())]
        given = ["--folder", str(Path(made) / "services"), *ports]
        yield given
        services(*given, "--stop")


def services(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "docker/services.py", *arguments],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_both_are_started_once_and_stopped(arguments: list[str]):
    started = services(*arguments)
    again = services(*arguments)

    assert started.returncode == again.returncode == 0, (started.stderr, again.stderr)
    assert started.stdout.count("was started from") == 2
    assert again.stdout.count("answers already") == 2
    url = started.stdout.split("FREEAI_DATABASE_URL=")[1].split()[0]
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE of_a_test ()")
    state = started.stdout.split("FREEAI_STATE=")[1].split()[0]
    with Redis.from_url(state) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    stopped = services(*arguments, "--stop")
    nothing = services(*arguments, "--stop")

    assert stopped.stdout.count("was stopped") == 2
    assert nothing.stdout.count("runs from") == 2
    assert services(*arguments).returncode == 0
    with psycopg.connect(url) as connection:
        connection.execute("SELECT * FROM of_a_test")


def test_what_is_not_installed_is_said_with_its_package(arguments: list[str], tmp_path: Path):
    ended = services(*arguments, PATH=str(tmp_path))

    assert ended.returncode == 1
    assert "apt-get install redis-server" in ended.stderr
    assert "Traceback" not in ended.stderr
