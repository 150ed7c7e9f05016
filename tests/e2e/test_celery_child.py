"""Celery worker and beat beside the gateway: they come back when they are killed, and never outlive it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from apps.gateway.process import celery_child
from tests.e2e import plain, server
from tests.e2e.server import Server
from tests.e2e.surroundings import ROOT, clean_env

GONE_S = 5
START_S = 30
SCHEDULE = "celerybeat-schedule"  # with an ending, by the kind of database that Python has


@pytest.fixture
def running(data_dir: Path) -> Iterator[Server]:
    started = server.start(data_dir)
    yield started
    if started.process.poll() is None:
        started.stop()


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def celery_of(data_dir: Path) -> list[psutil.Process]:
    """Every Celery process of this installation, whoever its parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            if "freeai.embedded" in " ".join(process.cmdline()) and process.environ().get(
                "FREEAI_DATA_DIR"
            ) == str(data_dir):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def log_of(running: Server) -> str:
    return (running.data_dir / "console.log").read_text()


def status(running: Server, path: str) -> int:
    return plain.get(f"{running.url}/{path}", timeout=5).status_code


@pytest.mark.parametrize("settled", [True, False])
def test_nothing_of_celery_outlives_a_gateway_that_is_killed(settled: bool, running: Server):
    if settled:
        until(lambda: "celery@" in log_of(running), START_S, "the worker is ready")
    assert celery_of(running.data_dir)

    running.kill()

    until(lambda: not celery_of(running.data_dir), GONE_S, "no Celery process")


def test_a_worker_that_is_killed_leaves_no_beat_and_comes_back(running: Server):
    until(lambda: "beat: Starting" in log_of(running), START_S, "beat runs")
    (first,) = celery_of(running.data_dir)

    first.kill()

    until(lambda: "celery.ended" in log_of(running), GONE_S, "the end is logged")
    assert '"reason":"signal 9"' in log_of(running)
    assert (status(running, "readyz"), status(running, "livez")) == (503, 200)
    until(lambda: status(running, "readyz") == 200, START_S, "ready again")
    until(lambda: log_of(running).count("beat: Starting") > 1, START_S, "beat runs again")
    (second,) = celery_of(running.data_dir)
    assert second.pid != first.pid
    assert running.stop() == 0
    assert not celery_of(running.data_dir)


def test_a_child_that_cannot_run_is_tried_again_after_growing_pauses(data_dir: Path):
    data_dir.mkdir()
    for ending in ("", ".db", ".dat", ".dir", ".bak"):
        (data_dir / f"{SCHEDULE}{ending}").mkdir()  # beat can neither read nor replace its schedule

    running = server.start(data_dir)

    until(lambda: log_of(running).count("celery.ended") > 1, START_S, "a second end")
    pauses = [line for line in log_of(running).splitlines() if "celery.ended" in line]
    assert "beat.failed" in log_of(running)
    assert ('"restart_in_s":1.0' in pauses[0], '"restart_in_s":2.0' in pauses[1]) == (True, True)
    assert running.stop() == 0


def test_a_gateway_that_stops_while_its_child_is_down_does_not_wait_for_it(running: Server):
    until(lambda: len(celery_of(running.data_dir)) == 1, START_S, "the worker")
    celery_of(running.data_dir)[0].kill()
    until(lambda: "celery.ended" in log_of(running), GONE_S, "the end is logged")

    assert running.stop() == 0
    assert not celery_of(running.data_dir)


def test_beat_sends_what_is_due_and_the_worker_does_it(data_dir: Path):
    server.start(data_dir, "--no-tasks").stop()

    with worker_for(data_dir, "apps.analytics.tasks.purge_usage") as worker:
        assert worker.stderr is not None
        done = any("usage.purged" in line for line in worker.stderr)
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=2 * START_S)

    assert done
    assert worker.returncode == 0


def test_a_task_that_fails_is_told_and_the_worker_goes_on(data_dir: Path):
    """Nothing is set up there: its process cannot even begin."""
    with worker_for(data_dir, "apps.analytics.tasks.purge_usage") as worker:
        assert worker.stderr is not None
        failed = [next(line for line in worker.stderr if "task.failed" in line) for _ in range(2)]
        worker.kill()
        worker.communicate(timeout=START_S)

    assert all('"task":"apps.analytics.tasks.purge_usage","reason":"exit code 1"' in line for line in failed)


def test_a_task_ends_with_the_worker_that_began_it(data_dir: Path):
    server.start(data_dir, "--no-tasks").stop()
    command = [
        sys.executable,
        "-m",
        "freeai.embedded.errand",
        "apps.core.tasks.purge_audit",
        str(os.getppid()),
    ]
    env = clean_env() | {"FREEAI_DATA_DIR": str(data_dir)}

    ended = subprocess.run(
        command, cwd=ROOT, env=env, timeout=START_S, check=False, capture_output=True, text=True
    )

    assert ended.returncode == -signal.SIGTERM
    assert "audit.purged" not in ended.stderr


@contextmanager
def worker_for(data_dir: Path, task: str) -> Iterator["subprocess.Popen[str]"]:
    """A worker for which `task` is due every two seconds, as if a gateway had begun it."""
    broker = data_dir / "broker"
    queue, control = str(broker / "queue"), str(broker / "control")
    told = {
        "parent": os.getpid(),
        "celery": {
            "broker_url": "filesystem://localhost//",
            "broker_transport_options": {
                "data_folder_in": queue,
                "data_folder_out": queue,
                "control_folder": control,
            },
            "beat_schedule_filename": str(data_dir / SCHEDULE),
            "beat_schedule": {"due": {"task": task, "schedule": 2.0}},
        },
        "folders": [queue, control],
        "log_level": "info",
        "log_format": "json",
    }
    with subprocess.Popen(
        [sys.executable, *celery_child.WORKER],
        cwd=ROOT,
        env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir), "FREEAI_LOG_FORMAT": "json"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdin is not None
        with worker.stdin as stdin:
            json.dump(told, stdin)
        worker.stdin = None  # `communicate` would flush it
        yield worker


def test_what_a_full_disk_left_of_the_brokers_files_stops_nobody(data_dir: Path):
    control = data_dir / "broker" / "control"
    control.mkdir(parents=True)
    for name in ("celery.exchange", "celery.pidbox.exchange"):
        (control / name).touch()

    running = server.start(data_dir)

    until(lambda: "celery@" in log_of(running), START_S, "the worker is ready")
    assert log_of(running).count("celery.torn_file") == 2
    assert "celery.ended" not in log_of(running)
    assert running.stop() == 0


def test_a_task_that_ran_is_noted_for_the_doctor(running: Server):
    until(lambda: "celery@" in log_of(running), START_S, "the worker is ready")
    send = "from apps.core.tasks import purge_audit; purge_audit.delay()"
    env = clean_env() | {"FREEAI_DATA_DIR": str(running.data_dir)}
    subprocess.run([sys.executable, "-c", "import freeai.celery; " + send], cwd=ROOT, env=env, check=True)

    def noted() -> list[tuple[str]]:
        with sqlite3.connect(running.data_dir / "freeai.sqlite3") as database:
            return database.execute("SELECT name FROM task_runs").fetchall()

    until(lambda: ("apps.core.tasks.purge_audit",) in noted(), START_S, "its row")
