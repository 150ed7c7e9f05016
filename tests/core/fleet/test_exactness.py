"""Many processes with many callers, from empty counters on: exactly the limit is granted, never one more."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.redis_server import REDIS_URL, forget, needs_redis, new_prefix

pytestmark = [pytest.mark.redis, needs_redis]

DAY = {"day": "fixed"}
ROLLING = {"minute": "rolling", "day": "fixed"}
FIVE_HOURS = {"5hour": "rolling"}


FIXED_FIVE_HOURS = {"5hour": "fixed"}
PROCESSES = 8
ROUNDS = int(os.environ.get("FREEAI_TEST_ROUNDS", "1"))
"""How often each is done, from empty counters; more finds more."""


class Fleet:
    """Processes that wait for each other before each round."""

    def __init__(self, stack: ExitStack, count: int) -> None:
        self.processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.core.fleet.callers"],
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

    def granted(self, **what: Any) -> int:
        """How many all of them were granted in a round from empty counters."""
        usual = {
            "url": REDIS_URL,
            "prefix": new_prefix(),
            "deadline_s": 30.0,
            "lasts_s": 60.0,
            "gather_s": 0.0,
        }
        for process in self.processes:
            self._tell(process, json.dumps({**usual, **what}))
            assert self._said(process) == "ready"
        for process in self.processes:
            self._tell(process)
        total = sum(json.loads(self._said(process))["granted"] for process in self.processes)
        for process in self.processes:
            self._tell(process)
        return int(total)

    @staticmethod
    def _tell(process: "subprocess.Popen[str]", line: str = "") -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()

    @staticmethod
    def _said(process: "subprocess.Popen[str]") -> str:
        """The next line that is ours: others log."""
        assert process.stdout is not None
        while True:
            line = process.stdout.readline()
            assert line, "it has ended"
            if line.startswith(("ready", '{"granted"')):
                return line.strip()


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, PROCESSES)
    forget()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kinds", [DAY, ROLLING, FIVE_HOURS, FIXED_FIVE_HOURS], ids=["day", "minute", "5hour", "5hour-fixed"]
)
@pytest.mark.parametrize("limit", [5, 30, 1000])
def test_exactly_the_limit_is_granted(fleet: Fleet, limit: int, kinds: dict[str, str]) -> None:
    granted = [fleet.granted(callers=50, limit=limit, kinds=kinds) for _ in range(ROUNDS)]

    assert granted == [limit] * ROUNDS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("limit", [5, 30, 1000])
def test_exactly_the_limit_of_a_client_key_is_taken(fleet: Fleet, limit: int) -> None:
    taken = [fleet.granted(callers=50, limit=limit, kinds=ROLLING, takes=True) for _ in range(ROUNDS)]

    assert taken == [limit] * ROUNDS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("limit", [5, 30, 1000])
def test_fallbacks_in_opposite_orders_end_and_take_all_of_both(fleet: Fleet, limit: int) -> None:
    granted = [fleet.granted(callers=50, limit=limit, kinds=ROLLING, both_ways=True) for _ in range(ROUNDS)]

    assert granted == [2 * limit] * ROUNDS
