"""The set-up of docs/OPERATIONS.md § 1.5, its blocks run as pasted: only who runs what, paths, names and ports are the test's own."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.docker.files import DOCKER
from tests.documents import Document
from tests.e2e import plain
from tests.e2e.postgres import SERVER_URL
from tests.e2e.server import free_port, wait_until
from tests.e2e.surroundings import ROOT, clean_env
from tests.e2e.test_compose_services import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SERVICES = ("web", "worker", "beat")
STUBS = {
    # What needs root, or changes the machine.
    "make": "",
    "useradd": "",
    "systemctl": "",
    "cp": "",
    "install": 'for last; do :; done; case "$1" in -d) mkdir -p "$last";; *) : > "$last"; chmod 600 "$last";; esac',
    "runuser": 'shift 3; exec "$@"',
}


class Host:
    """One that FreeAI is set up on. `name`: of role and database."""

    def __init__(self, folder: Path, redis_port: int) -> None:
        self.folder = folder
        self.name = f"freeai_{uuid.uuid4().hex[:12]}"
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        server = urlsplit(SERVER_URL)
        self._ours = {
            "/etc/freeai.env": f"{folder}/freeai.env",
            "/var/lib/freeai": f"{folder}/data",
            "/opt/freeai/.venv/bin/python": sys.executable,
            ".venv/bin/python": sys.executable,
            "/opt/freeai": str(ROOT),
            "ROLE freeai": f"ROLE {self.name}",
            "DATABASE freeai OWNER freeai": f"DATABASE {self.name} OWNER {self.name}",
            "postgres://freeai:": f"postgres://{self.name}:",
            "127.0.0.1:5432/freeai": f"{server.hostname}:{server.port or 5432}/{self.name}",
            "6379": str(redis_port),
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "$(nproc)": f"2\nFREEAI_PORT={self.port}",
        }
        stubs = folder / "bin"
        stubs.mkdir()
        for command, body in STUBS.items():
            (stubs / command).write_text(f"#!/bin/sh\n{body}\n")
            (stubs / command).chmod(0o755)
        self.env = clean_env() | {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "PGHOST": server.hostname or "",
            "PGPORT": str(server.port or 5432),
            "PGUSER": server.username or "",
            "PGPASSWORD": server.password or "",
        }

    def translated(self, text: str) -> str:
        theirs = "|".join(re.escape(each) for each in self._ours)
        return re.sub(theirs, lambda found: self._ours[found[0]], text)

    def paste(self, block: str) -> str:
        """What it prints. Fails where one of its commands does."""
        ended = subprocess.run(
            ["/bin/sh", "-e", "-c", self.translated(block)],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert ended.returncode == 0, (block, ended.stdout, ended.stderr)
        return ended.stdout

    def start(self, name: str) -> None:
        """As systemd does."""
        pairs = [line.split("=", 1) for line in (self.folder / "freeai.env").read_text().splitlines()]
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                self.translated(command_of(name)).split(),
                env=clean_env() | dict(pairs),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )


def command_of(name: str) -> str:
    """What the unit of a part starts."""
    [command] = re.findall(
        r"^ExecStart=(.*)$", (DOCKER / f"systemd/freeai-{name}.service").read_text(), re.MULTILINE
    )
    return command


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if not shutil.which("psql") or not shutil.which("redis-cli"):
        pytest.skip("no psql or no redis-cli: apt-get install postgresql-client redis-tools")
    try:
        admin = psycopg.connect(SERVER_URL, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    with admin, redis_server(tmp_path) as url:
        made = Host(tmp_path, urlsplit(url).port or 0)
        try:
            yield made
        finally:
            for process in made.processes.values():
                process.kill()
                process.wait(20)
            admin.execute(f"DROP DATABASE IF EXISTS {made.name} WITH (FORCE)")
            admin.execute(f"DROP ROLE IF EXISTS {made.name}")


def test_the_steps_lead_to_an_answer(host: Host):
    blocks = [each.text for each in Document("OPERATIONS.md").blocks() if each.title.startswith("1.5 ")]
    prepare, setup, start, look = blocks
    host.paste(prepare)
    told = host.paste(setup)
    host.paste(start)
    for name in SERVICES:
        host.start(name)
    said = host.paste(look)
    [key] = re.findall(r"client key\s+(fai_\S+)", told)
    answer = plain.post(
        f"http://127.0.0.1:{host.port}/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "Hi"}]},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )

    assert "https://ai.example.com/admin/" in told
    assert "errors: 0" in said
    assert (answer.status_code, answer.json()["provider"]) == (200, "sandbox")
    for name in SERVICES:
        assert host.processes[name].poll() is None, (host.folder / f"{name}.log").read_text()
    wait_until(lambda: "ready" in (host.folder / "worker.log").read_text(), seconds=60)
    for process in host.processes.values():
        process.terminate()
    assert {name: process.wait(60) for name, process in host.processes.items()} == dict.fromkeys(SERVICES, 0)
