"""Two hosts, as network namespaces, with a Redis that one of them loses: it goes on with its share of what was left, and the other one, who
knows nothing of that, with all that was left. So at most that share is granted too much (docs/FLEET.md)."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.core.fleet.hosts import Hosts, needs_hosts, two_hosts
from tests.core.fleet.servers import REDIS, needs_server

pytestmark = [
    pytest.mark.redis,
    pytest.mark.slow,
    needs_server,
    needs_hosts,
]

LIMIT = 240
LASTS_S = 12.0
CALLERS = 10
BEFORE_S = 4.0
"""Long enough for each host to know of the other (`member.SEASONED_S`)."""


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with two_hosts() as made:
        yield made


@pytest.fixture
def redis(hosts: Hosts, tmp_path: Path) -> Iterator[int]:
    """Its port, where both reach it."""
    assert REDIS is not None
    port = 20_000 + os.getpid() % 10_000
    options = ("--port", str(port), "--save", "", "--dir", str(tmp_path), "--protected-mode", "no")
    with subprocess.Popen([REDIS, *options, "--bind", hosts.here], stdout=subprocess.DEVNULL) as server:
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
        for process in processes:
            stack.callback(process.kill)
            tell(process, json.dumps(what | {"url": f"redis://{hosts.here}:{redis}/0"}))
            assert said(process) == "ready"
        time.sleep(BEFORE_S)

        for process in processes:
            tell(process)
        time.sleep(LASTS_S / 3)
        hosts.cut(1, hosts.here)
        time.sleep(LASTS_S / 3)
        if comes_back:
            hosts.mend(1, hosts.here)
        results = [json.loads(said(process)) for process in processes]

    granted = [result["granted"] for result in results]
    assert results[1]["modes"] == ["away", "redis"] and results[0]["modes"] == ["redis"], results
    assert all(granted) and sum(granted) <= LIMIT + LIMIT // 2, results
    assert results[1]["mode"] == ("redis" if comes_back else "away"), results
