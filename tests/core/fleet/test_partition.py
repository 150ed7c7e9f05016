"""Two hosts, as network namespaces, with a Redis that one of them loses: it goes on with its share of what was left, and the other one, who
knows nothing of that, with all that was left. So at most that share is granted too much (docs/FLEET.md)."""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.core.fleet.servers import REDIS, needs_server

pytestmark = [
    pytest.mark.redis,
    pytest.mark.slow,
    needs_server,
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2"
    ),
]

LIMIT = 240
LASTS_S = 12.0
CALLERS = 10
BEFORE_S = 4.0
"""Long enough for each host to know of the other (`member.SEASONED_S`)."""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """Two of them beside one with Redis, each on a wire of its own, which `cut` breaks."""

    def __init__(self, stack: ExitStack) -> None:
        mark = uuid.uuid4().hex[:6]
        self._names = [f"fa{mark}{number}" for number in range(2)]
        self._wires = [f"fw{mark}{number}" for number in range(2)]
        self._second = int(mark[:2], 16)
        for number, (name, wire) in enumerate(zip(self._names, self._wires, strict=True)):
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("address", "add", f"{self.gateway(number)}/30", "dev", wire)
            ip("link", "set", wire, "up")
            ip("-n", name, "address", "add", f"10.{self._second}.{number}.2/30", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def gateway(self, number: int) -> str:
        """Where a host finds Redis."""
        return f"10.{self._second}.{number}.1"

    def start(self, number: int, module: str) -> "subprocess.Popen[str]":
        """A module of ours, on that host."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self._names[number], sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def cut(self, number: int) -> None:
        """Nothing comes through any more, and nobody is told."""
        ip("link", "set", self._wires[number], "down")

    def mend(self, number: int) -> None:
        ip("link", "set", self._wires[number], "up")


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with ExitStack() as stack:
        try:
            yield Hosts(stack)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode()}")


@pytest.fixture
def redis(hosts: Hosts, tmp_path: Path) -> Iterator[int]:
    """Its port, at both wires."""
    assert REDIS is not None
    port = 20_000 + os.getpid() % 10_000
    options = ("--port", str(port), "--save", "", "--dir", str(tmp_path), "--protected-mode", "no")
    bound = ("--bind", hosts.gateway(0), hosts.gateway(1))
    with subprocess.Popen([REDIS, *options, *bound], stdout=subprocess.DEVNULL) as server:
        time.sleep(0.5)
        yield port
        server.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.startswith(("ready", '{"granted"')):
            return line.strip()
    raise AssertionError("it has ended")


def tell(process: "subprocess.Popen[str]", line: str = "") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("comes_back", [False, True])
def test_no_more_than_the_share_of_one_is_granted_too_much(
    hosts: Hosts, redis: int, comes_back: bool
) -> None:
    what: dict[str, Any] = {
        "prefix": "partition",
        "deadline_s": 1.0,
        "lasts_s": LASTS_S,
        "callers": CALLERS,
        "limit": LIMIT,
        "kinds": {"day": "fixed"},
        "pause_s": 0.5,
        "patience": 10_000,
    }
    with ExitStack() as stack:
        processes = [
            stack.enter_context(hosts.start(number, "tests.core.fleet.callers")) for number in (0, 1)
        ]
        for number, process in enumerate(processes):
            stack.callback(process.kill)
            tell(process, json.dumps(what | {"url": f"redis://{hosts.gateway(number)}:{redis}/0"}))
            assert said(process) == "ready"
        time.sleep(BEFORE_S)

        for process in processes:
            tell(process)
        time.sleep(LASTS_S / 3)
        hosts.cut(1)
        time.sleep(LASTS_S / 3)
        if comes_back:
            hosts.mend(1)
        results = [json.loads(said(process)) for process in processes]

    granted = [result["granted"] for result in results]
    assert results[1]["modes"] == ["away", "redis"] and results[0]["modes"] == ["redis"], results
    assert all(granted) and sum(granted) <= LIMIT + LIMIT // 2, results
    assert results[1]["mode"] == ("redis" if comes_back else "away"), results
