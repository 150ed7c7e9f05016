"""FreeAI, started as a user starts it: `manage.py serve` on a fresh data directory."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from benchmarks import wire
from benchmarks.processes import LIFETIME_S, ROOT, Child, clean_env, free_port, python_module, wait_for

MANAGE: Final = (sys.executable, "manage.py")
START_S = 240.0  # one that ends is told at once: this is for machines with much else to do
SEED_S = 240.0
_TOKEN = re.compile(r"^\s*admin token\s+(\S+)", re.MULTILINE)
_PASSWORD = re.compile(r"^\s*password\s+(\S+)", re.MULTILINE)
_KEY = re.compile(r"^\s*client key\s+(fai_\S+)", re.MULTILINE)


class Secrets(NamedTuple):
    """What the first run prints."""

    admin_token: str
    client_key: str
    password: str = ""


class Started(NamedTuple):
    """Seconds from the spawn to the first 200 of /livez, and to the first answered chat."""

    live_s: float
    answer_s: float


def read_secrets(text: str) -> Secrets | None:
    """The secrets in the announcement of the first run; None while they are not all there."""
    token, key, password = _TOKEN.search(text), _KEY.search(text), _PASSWORD.search(text)
    return Secrets(token[1], key[1], password[1] if password else "") if token and key else None


class Gateway:
    """One installation in `directory`, and its running process."""

    def __init__(
        self,
        directory: Path,
        *,
        program: Sequence[str] = MANAGE,
        root: Path = ROOT,
        env: Mapping[str, str] = MappingProxyType({}),
        secrets: Secrets | None = None,
        lifetime_s: int = LIFETIME_S,
    ) -> None:
        """`root`: the tree whose code it runs. `env`: further variables. `secrets`: what an earlier start on its database printed.
        `lifetime_s`: when the kernel ends it, at the latest."""
        directory.mkdir()
        self._root = root
        self._program = program
        self._directory = directory
        self._secrets = secrets
        self._lifetime_s = lifetime_s
        self._env = clean_env(
            {
                "FREEAI_DATA_DIR": str(directory / "data"),
                "FREEAI_LOG_LEVEL": "warning",
                "FREEAI_LOG_FORMAT": "json",
                **env,
            }
        )
        self.port = 0
        self.child: Child | None = None

    def start(self) -> Started:
        """Start it and time it. Raises RuntimeError when it ends, TimeoutError when it does not answer."""
        self.port = free_port()
        command = [*self._program, "serve", "--port", str(self.port)]
        self.child = child = Child(
            "freeai", command, self._directory, self._env, self._root, self._lifetime_s
        )
        wait_for(lambda: self._answers(child), START_S, "FreeAI did not start", interval_s=0.005)
        live_s = time.perf_counter() - child.started_at
        self._secrets = self._secrets or read_secrets(child.text())
        if self._secrets is None:
            raise RuntimeError(f"FreeAI announced no client key: {child.text()[-500:]}")
        self.chat()
        return Started(live_s, time.perf_counter() - child.started_at)

    def stop(self) -> None:
        """End it; the data stays."""
        if self.child is not None:
            self.child.stop()

    def signal(self, number: int) -> None:
        """Send the web process a signal."""
        assert self.child is not None  # noqa: S101 - it was started
        self.child.process.send_signal(number)

    def text(self) -> str:
        """What it has printed so far."""
        return self.child.text() if self.child is not None else ""

    def seed(self, *arguments: str) -> None:
        """Run a command of `benchmarks.seeding` on its database; see `Bench.await_reload`. Raises RuntimeError."""
        self.run("seeding", *arguments)

    def run(self, module: str, *arguments: str, timeout_s: float = SEED_S) -> None:
        """Run a module of the benchmarks in its environment. Raises RuntimeError, subprocess.TimeoutExpired."""
        command = python_module(module, *arguments)
        try:
            subprocess.run(
                command,
                cwd=ROOT,
                env=self._env,
                check=True,
                timeout=timeout_s,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"{module} {arguments}: {error.stderr[-1000:]}") from error

    def command(self, *arguments: str, timeout_s: float = SEED_S) -> bytes:
        """What a command of `manage.py` prints about this installation, whatever its exit code. Raises subprocess.TimeoutExpired."""
        command = [*MANAGE, *arguments]
        env = self._env | {"FREEAI_PORT": str(self.port)}
        ended = subprocess.run(
            command, cwd=ROOT, env=env, timeout=timeout_s, capture_output=True, check=False
        )
        return ended.stdout

    @property
    def secrets(self) -> Secrets | None:
        """What its first start printed."""
        return self._secrets

    @property
    def admin_token(self) -> str:
        """For `/api`."""
        return self._secrets.admin_token if self._secrets else ""

    @property
    def password(self) -> str:
        """Of the administrator."""
        return self._secrets.password if self._secrets else ""

    def target(self) -> dict[str, Any]:
        """It, for the load process."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "path": wire.PATH,
            "key": self._secrets.client_key if self._secrets else "",
            "marker": '"real_model":"bench-model"',
            "model": "freeai-auto",
        }

    def chat(self) -> dict[str, Any]:
        """One whole answer. Raises URLError."""
        target = self.target()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{wire.PATH}",
            data=wire.request_body(target["model"]),
            headers={"Authorization": f"Bearer {target['key']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own loopback URL
            answer: dict[str, Any] = json.load(response)
            return answer

    def _answers(self, child: Child) -> bool:
        child.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
