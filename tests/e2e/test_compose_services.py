"""The services of docker/compose.yml as processes, with their own commands: set up, served, tasks done by worker and beat over Redis."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.core.fleet import servers
from tests.docker.files import read
from tests.e2e import plain, postgres
from tests.e2e.server import free_port, wait_until
from tests.e2e.surroundings import ROOT, clean_env

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SERVICES = read("compose.yml")["services"]
TOKEN = "of-the-metrics-0123456789"


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """One of the test's own; evicting nothing, as compose.yml has it, is what a server does by itself."""
    if servers.REDIS is None:
        pytest.skip("no redis-server: apt-get install redis-server")
    with servers.running(folder) as server:
        yield server.url


class Stack:
    """The installation's environment, and its services that run."""

    def __init__(self, folder: Path, database: postgres.Database, broker: str) -> None:
        self.folder = folder
        self.database = database
        self.port = free_port()
        own = {
            "FREEAI_DATA_DIR": str(folder / "data"),
            "FREEAI_DATABASE_URL": database.url,
            "FREEAI_REDIS_URL": broker,
            "FREEAI_STATE": broker.removesuffix("/0") + "/1",
            "FREEAI_WORKERS": "2",
            "FREEAI_METRICS_TOKEN": TOKEN,
            "FREEAI_HOST": "127.0.0.1",
            "FREEAI_PORT": str(self.port),
        }
        assert set(SERVICES["web"]["environment"]) - set(own) <= {
            "FREEAI_LOG_FORMAT",
            "FREEAI_PUBLIC_URL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        }
        self.env = clean_env() | own | {"FREEAI_LOG_FORMAT": "json"}
        self.processes: dict[str, subprocess.Popen[Any]] = {}

    def command(self, words: list[str]) -> list[str]:
        return [sys.executable if word == "python" else word for word in words]

    def run(self, words: list[str]) -> "subprocess.CompletedProcess[str]":
        """To its end."""
        return subprocess.run(
            self.command(words),
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def start(self, name: str) -> None:
        log = (self.folder / f"{name}.log").open("w")
        self.processes[name] = subprocess.Popen(
            self.command(SERVICES[name]["command"]), cwd=ROOT, env=self.env, stdout=log, stderr=log
        )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> dict[str, int]:
        """SIGTERM, as Docker does; the exit codes."""
        for process in self.processes.values():
            process.terminate()
        return {name: process.wait(40) for name, process in self.processes.items()}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    (tmp_path / "data").mkdir()
    with ExitStack() as around:
        database = around.enter_context(postgres.database())
        broker = around.enter_context(redis_server(tmp_path))
        made = Stack(tmp_path, database, broker)
        try:
            yield made
        finally:
            for process in made.processes.values():
                process.kill()


def test_all_of_them_work_together(stack: Stack):
    done = stack.run(SERVICES["setup"]["command"])
    assert done.returncode == 0 and "client key" in done.stdout, done.stderr
    for name in ("web", "worker", "beat"):
        stack.start(name)

    def is_ready() -> bool:
        assert all(each.poll() is None for each in stack.processes.values()), {
            n: stack.log(n) for n in stack.processes
        }
        try:
            return plain.get(f"http://127.0.0.1:{stack.port}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(is_ready, seconds=60)
    ping = SERVICES["worker"]["healthcheck"]["test"][1].replace("$$HOSTNAME", socket.gethostname())
    ping = ping.replace("python", sys.executable, 1)
    asked = ["/bin/sh", "-c", ping]
    wait_until(lambda: stack.run(asked).returncode == 0, seconds=60)
    send = "import freeai.celery; from apps.core.tasks import purge_audit; purge_audit.delay()"
    assert stack.run(["python", "-c", send]).returncode == 0
    wait_until(
        lambda: stack.database.value("SELECT count(*) FROM task_runs WHERE name LIKE '%purge_audit'") == 1,
        seconds=30,
    )
    as_prometheus = {"Authorization": f"Bearer {TOKEN}", "Host": "web:8000"}
    scrape = plain.get(f"http://127.0.0.1:{stack.port}/metrics", headers=as_prometheus)
    doctor = stack.run(["python", "manage.py", "doctor", "--json"])
    beat = stack.run(SERVICES["beat"]["healthcheck"]["test"][1:])

    assert "freeai_build_info" in scrape.text
    assert plain.get(f"http://127.0.0.1:{stack.port}/metrics").status_code == 401
    of_the_machine = ("disk", "files")
    found = [each for each in json.loads(doctor.stdout) if each["check"] not in of_the_machine]
    assert [each for each in found if each["level"] in ("error", "warning")] == []
    assert beat.returncode == 0, beat.stdout
    assert list((stack.folder / "data").glob("celerybeat-schedule*"))
    assert os.listdir(stack.folder / "data" / "secrets")
    assert set(stack.stop().values()) == {0}
