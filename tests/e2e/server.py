"""A real `manage.py serve` in a process of its own, as a user starts it."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.e2e import plain, tables
from tests.e2e.surroundings import ROOT, clean_env

START_TIMEOUT_S = 100.0
API_TIMEOUT_S = 60.0
"""One that ends is told at once: this is for machines with much else to do. Less than what pytest gives a test."""


@dataclass
class Server:
    """A running gateway and what its first start printed."""

    process: "subprocess.Popen[str]"
    data_dir: Path
    url: str
    console: str

    @property
    def client_key(self) -> str:
        return self._printed(r"client key\s+(fai_\S+)")

    @property
    def admin_token(self) -> str:
        return self._printed(r"admin token\s+(\S+)")

    def api(self, method: str, path: str, **options) -> httpx.Response:
        """A call to `/api` with the admin token."""
        headers = {"X-Admin-Token": self.admin_token}
        return plain.request(
            method, f"{self.url}/api/{path}", headers=headers, timeout=API_TIMEOUT_S, **options
        )

    def kill(self) -> None:
        """kill -9, as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def chat(self, **body: Any) -> httpx.Response:
        """A chat completion with the first client key."""
        return plain.post(
            f"{self.url}/v1/chat/completions",
            json={"messages": [{"role": "user", "content": "Hi"}]} | body,
            headers={"Authorization": f"Bearer {self.client_key}"},
            timeout=30,
        )

    def metric(self, name: str) -> float:
        """The value that /metrics gives for a metric without labels."""
        for line in plain.get(f"{self.url}/metrics", timeout=10).text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise AssertionError(f"{name} is not exposed")

    def outcomes(self) -> dict[str, int]:
        """How many attempts are in the ledger (SQLite), by outcome."""
        with sqlite3.connect(self.data_dir / "freeai.sqlite3") as database:
            return dict(
                database.execute("SELECT outcome, count(*) FROM usage_events GROUP BY outcome").fetchall()
            )

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def _printed(self, pattern: str) -> str:
        found = re.search(pattern, self.console)
        assert found, self.console
        return found[1]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def start(
    data_dir: Path,
    *options: str,
    console: str = "",
    host: str = "127.0.0.1",
    output: int | None = None,
    patience_s: float = START_TIMEOUT_S,
    before: Sequence[str] = (),
    from_nothing: bool = False,
    **env: str,
) -> Server:
    """Start and wait until /livez answers.

    `console`: what an earlier start in this directory printed. `output`: a descriptor for stdout and stderr, instead of the
    console's file. `before`: what stands before the command. `from_nothing`: its first start makes the tables too, and does not
    find them there.
    """
    port = free_port()
    data_dir.mkdir(exist_ok=True)
    if not from_nothing:
        tables.lay(data_dir, env.get("FREEAI_DATABASE_URL", ""))
    log = data_dir / "console.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*before, sys.executable, "manage.py", "serve", "--host", host, "--port", str(port), *options],
            cwd=ROOT,
            env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"} | env,
            stdout=file if output is None else output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"serve ended with {process.returncode}:\n{log.read_text()}")
        try:
            if plain.get(f"{url}/livez", timeout=1).status_code == 200:
                return Server(process, data_dir, url, console or log.read_text())
        except httpx.TransportError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"serve did not answer in {patience_s} s:\n{log.read_text()}")


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return when `condition` holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
