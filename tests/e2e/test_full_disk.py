"""The disk is full: everybody is answered, and when there is room again everything is in the ledger."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import plain, server
from tests.e2e.server import Server, wait_until

pytestmark = pytest.mark.slow

SIZE = "16m"
ANSWERS = 300
FILLER = "filler"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mounted)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted: {made.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path) -> None:
    """Until not a byte more goes in."""
    with (disk / FILLER).open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def test_nothing_is_lost_and_nobody_refused(disk: Path):
    running = server.start(disk / "data", "--no-tasks")
    assert running.chat().status_code == 200
    wait_until(lambda: running.outcomes() == {"success": 1})
    fill(disk)

    statuses = ask(running, ANSWERS)
    full = {name: running.metric(f"freeai_{name}") for name in ("spool_depth", "usage_events_lost_total")}
    os.unlink(disk / FILLER)

    assert statuses == {200}
    assert full["spool_depth"] > ANSWERS / 2  # some found a last corner
    wait_until(lambda: running.metric("freeai_spool_depth") == 0, 60)
    assert running.outcomes() == {"success": 1 + ANSWERS}
    assert running.metric("freeai_usage_events_lost_total") == 0
    assert running.stop() == 0


def ask(running: Server, count: int) -> set[int]:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    with plain.Client(headers={"Authorization": f"Bearer {running.client_key}"}, timeout=30) as client:
        return {
            client.post(f"{running.url}/v1/chat/completions", json=body).status_code for _ in range(count)
        }
