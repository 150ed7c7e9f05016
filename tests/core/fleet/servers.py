"""Redis servers of tests that stop, stall or empty one: each on a port and in a directory of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REDIS = shutil.which("redis-server")
needs_server = pytest.mark.skipif(REDIS is None, reason="there is no redis-server to start")


class Server:
    """One that can be stopped, started again, stalled and emptied."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers; with what it saved, if anything."""
        assert REDIS is not None
        self._process = subprocess.Popen(
            [
                REDIS,
                "--port",
                str(self.port),
                "--save",
                "",
                "--dir",
                str(self._directory),
                "--appendonly",
                "no",
            ],
            stdout=subprocess.DEVNULL,
        )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                self.ask("PING")
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("redis-server did not start")

    def save(self) -> None:
        """A snapshot, with which it starts again."""
        self.ask("SAVE")

    def kill(self) -> None:
        if self._process is not None:
            self.go_on()
            self._process.kill()
            self._process.wait()
            self._process = None

    def stall(self) -> None:
        """It says nothing, and keeps its connections."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def ask(self, *words: str) -> bytes:
        """A command by itself, before there is any client."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(1000)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """A server, as long as it is needed."""
    server = Server(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()
