"""manage.py export_usage with as much as there may be: in flat memory, and gone on with after a kill."""

import csv
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from apps.analytics.export.lines import FORMATS
from apps.analytics.upsert import upsert
from apps.core.ids import least_at
from tests.analytics.examples import ended

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
START = datetime(2026, 5, 10, tzinfo=UTC).timestamp()
DAY = ["--from", "2026-05-10", "--to", "2026-05-11"]


def many(count: int, *, first: int = 0) -> None:
    """So many events of one day, written as the writer does."""
    for begin in range(first, first + count, 5_000):
        upsert(
            [
                ended(
                    id=f"{least_at(START + number * 0.4).int | number:032x}",
                    at=START + number * 0.4,
                    charged={"neurons": number},
                )
                for number in range(begin, min(begin + 5_000, first + count))
            ],
            "default",
        )


def beside(*arguments: str) -> "subprocess.Popen[bytes]":
    """The command as a process of its own, on the test's database."""
    if connection.vendor != "sqlite":
        pytest.skip("the other process reads the test database by its file")
    environment = os.environ | {
        "FREEAI_DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "freeai.settings",
    }
    command = [sys.executable, "manage.py", "export_usage", *DAY]
    return subprocess.Popen([*command, *arguments], cwd=settings.BASE_DIR, env=environment)


def peak_mb(*arguments: str) -> float:
    """What the process held in memory at most."""
    process = beside(*arguments)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


@pytest.mark.timeout(600)
def test_memory_is_flat_however_much_there_is(tmp_path: Path):
    peaks: dict[str, list[float]] = {}
    for count, more in ((20_000, 20_000), (100_000, 80_000)):
        many(more, first=count - more)
        for kind in (*FORMATS, "parquet"):
            path = tmp_path / f"{kind}-{count}"
            peaks.setdefault(kind, []).append(peak_mb("--format", kind, "--output", str(path)))

    assert sum(1 for _ in (tmp_path / "csv-100000").open()) == 100_001
    assert pq.read_metadata(tmp_path / "parquet-100000" / "usage-2026-05-10.parquet").num_rows == 100_000
    for kind, (few, all_of_them) in peaks.items():  # held at once, the others would be some 150 MB
        assert all_of_them < few + 30, (kind, few, all_of_them)


@pytest.mark.timeout(300)
def test_a_killed_process_is_gone_on_with(tmp_path: Path):
    many(60_000)
    path = tmp_path / "usage.csv"
    process = beside("--output", str(path))
    until = time.monotonic() + 60
    while (
        not any(part.stat().st_size > 500_000 for part in tmp_path.glob("*.part"))
        and time.monotonic() < until
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert not path.exists()
    call_command("export_usage", *DAY, "--output", str(path), "--json")
    with path.open(newline="") as lines:
        found = [row["id"] for row in csv.DictReader(lines)]
    assert len(found) == len(set(found)) == 60_000
    assert found == sorted(found)
