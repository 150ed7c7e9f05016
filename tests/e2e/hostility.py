"""What the tests of hostile clients have in common: a gateway at its defaults, others who ask it meanwhile, and how large it is."""

import socket
from collections.abc import Iterator
from threading import Event, Thread

import psutil
import pytest

from tests.e2e import plain
from tests.e2e.server import Server, start, wait_until

MIB = 1024 * 1024
GROWTH_MIB = 30


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(tmp_path_factory.mktemp("hostile") / "data", "--no-tasks")
    for _ in range(20):
        assert server.chat(model="sandbox/ok").status_code == 200
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def as_it_was(serving: Server) -> Iterator[None]:
    """Others are answered while a test goes on, and the process is no larger behind it."""
    before = resident(serving)
    others = Others(serving)
    yield
    others.stop()
    assert others.statuses == {200}
    wait_until(lambda: resident(serving) < before + GROWTH_MIB, 20)


def resident(server: Server) -> float:
    """MiB of the process."""
    return psutil.Process(server.process.pid).memory_info().rss / MIB


class Others:
    """Somebody who goes on asking, in a thread."""

    def __init__(self, server: Server) -> None:
        self.statuses: set[int] = set()
        self._server = server
        self._end = Event()
        self._thread = Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._end.is_set():
            self.statuses.add(plain.get(f"{self._server.url}/livez", timeout=10).status_code)
            self.statuses.add(self._server.chat(model="sandbox/ok").status_code)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


def connect(server: Server) -> socket.socket:
    """A connection of one's own."""
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


__all__ = ["GROWTH_MIB", "MIB", "Others", "as_it_was", "connect", "resident", "serving"]
