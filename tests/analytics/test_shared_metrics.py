"""What several processes count is one sum, that of the dead included; what was so only while they lived is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.analytics import shared_metrics

WORKER = """
import json, os, signal, sys
from apps.core import worker
worker.become(int(sys.argv[1]))
from apps.analytics import metrics, shared_metrics
from tests.analytics.examples import ended
shared_metrics.reserve()
for _ in range(int(sys.argv[2])):
    metrics.attempt_ended(ended())
    metrics.request_started()
if sys.argv[3] == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
text = metrics.exposition()[0].decode().splitlines()
found = {line.split(" ")[0].split("{")[0]: float(line.rsplit(" ", 1)[1]) for line in text if line[0] != "#"}
print(json.dumps(found))
"""


def worker(directory: Path, number: int, counts: int, then: str = "tells") -> dict[str, float]:
    """One that counts so often, and tells the sum of all or is killed."""
    ended = subprocess.run(
        [sys.executable, "-c", WORKER, str(number), str(counts), then],
        env={**os.environ, shared_metrics.VARIABLE: str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == (-9 if then == "dies" else 0), ended.stderr
    return json.loads(ended.stdout) if then == "tells" else {}


def test_who_follows_a_dead_one_goes_on_with_its_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(shared_metrics.VARIABLE, str(tmp_path))
    worker(tmp_path, 1, 3)
    worker(tmp_path, 2, 4, "dies")
    shared_metrics.forget(2)

    told = worker(tmp_path, 2, 5)

    assert told["freeai_provider_calls_total"] == 3 + 4 + 5
    assert told["freeai_requests_in_flight"] == 3 + 5
    assert 0 < told["process_open_fds"] < told["process_max_fds"]
    assert told["process_cpu_seconds_total"] > 0 and told["process_start_time_seconds"] > 1e9
    assert {file.stem.rpartition("_")[2] for file in tmp_path.iterdir()} == {"1", "2"}


def test_the_room_is_taken_before_it_is_needed(tmp_path: Path):
    worker(tmp_path, 1, 1)

    [counters] = tmp_path.glob("counter_*.db")
    assert counters.stat().st_size == shared_metrics.RESERVED_BYTES
    assert counters.stat().st_blocks * 512 >= shared_metrics.RESERVED_BYTES


def test_a_directory_is_empty_at_a_start_and_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(shared_metrics, "MEMORY", memory)
    first = shared_metrics.open_directory(tmp_path / "data")
    (first / "counter_1.db").touch()

    again = shared_metrics.open_directory(tmp_path / "data")
    other = shared_metrics.open_directory(tmp_path / "other")

    monkeypatch.setenv(shared_metrics.VARIABLE, str(again))
    assert shared_metrics.is_open(tmp_path / "data") and not shared_metrics.is_open(tmp_path / "other")
    assert first == again != other and first.parent == other.parent == memory
    assert list(again.iterdir()) == [] and again.stat().st_mode & 0o077 == 0


def test_where_somebody_put_a_link_the_data_directory_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    memory, data, theirs = tmp_path / "memory", tmp_path / "data", tmp_path / "theirs"
    for each in (memory, data, theirs):
        each.mkdir()
    (theirs / "kept").touch()
    monkeypatch.setattr(shared_metrics, "MEMORY", memory)
    place = shared_metrics.open_directory(data)
    shared_metrics.close_directory(place)
    place.symlink_to(theirs)

    assert shared_metrics.open_directory(data) == data / "metrics"
    assert (theirs / "kept").exists()
