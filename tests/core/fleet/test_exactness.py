"""Many processes with many callers, from empty counters on: exactly the limit is granted, never one more."""

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

import pytest

from tests.redis_server import REDIS_URL, forget, needs_redis, new_prefix

pytestmark = [pytest.mark.redis, needs_redis]

DAY = {"day": "fixed"}
ROLLING = {"minute": "rolling", "day": "fixed"}
FIVE_HOURS = {"5hour": "rolling"}


class Fleet:
    """Processes that wait for each other before they begin."""

    def __init__(self, stack: ExitStack, count: int, **what: Any) -> None:
        self.processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.core.fleet.callers", json.dumps(what)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            for _ in range(count)
        ]
        for process in self.processes:
            stack.callback(process.kill)
            assert process.stdout is not None
            while process.stdout.readline().strip() != "ready":
                assert process.poll() is None

    def go(self) -> None:
        for process in self.processes:
            self._tell(process)

    def results(self) -> list[dict[str, Any]]:
        """What came of it, once all are done."""
        found = []
        for process in self.processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            while not line.startswith("{"):
                assert process.poll() is None
                line = process.stdout.readline()
            found.append(json.loads(line))
        for process in self.processes:
            self._tell(process)
        return found

    @staticmethod
    def _tell(process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def granted(count: int, **what: Any) -> int:
    with ExitStack() as stack:
        settings = {
            "url": REDIS_URL,
            "prefix": new_prefix(),
            "deadline_s": 30.0,
            "lasts_s": 60.0,
            "gather_s": 0.0,
            **what,
        }
        fleet = Fleet(stack, count, **settings)
        fleet.go()
        total = sum(result["granted"] for result in fleet.results())
    forget()
    return total


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kinds", [DAY, ROLLING, FIVE_HOURS], ids=["day", "minute", "5hour"])
@pytest.mark.parametrize("limit", [5, 30, 1000])
def test_exactly_the_limit_is_granted(limit: int, kinds: dict[str, str]) -> None:
    assert granted(8, callers=50, limit=limit, kinds=kinds) == limit


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_exactly_the_limit_of_a_client_key_is_taken() -> None:
    assert granted(8, callers=50, limit=300, kinds=ROLLING, takes=True) == 300
