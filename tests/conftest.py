"""What holds for every test: it begins as in a process that has not started, whatever ran before it in the same worker."""

import gc
import os
import time
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from hypothesis import HealthCheck, settings

from apps.core import snapshot
from apps.gateway import runtime
from apps.providers.listing import background

LATER = ("tests/e2e/", "tests/browser/")
"""What starts servers comes behind what is fast. What drives a browser is last: its loop stays in the thread of the tests."""
EARLY = ("tests/e2e/test_two_hosts.py",)
"""What changes the machine's network, which browsers notice."""
TESTS = Path(__file__).parent
LISTS_S = 10.0

# The same examples each time, however slow the machine: what a change breaks is the change's. `--hypothesis-profile=random` looks further.
_CALM = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.register_profile("steady", _CALM, derandomize=True, database=None)
settings.register_profile("random", _CALM)
settings.load_profile("steady")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Tests, and what they import, stay until the end: looking through them for garbage is a quarter of what it costs to collect them, and
    costs again while they run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Each worker begins in another room: the asserts of a new checkout are rewritten once, by whoever comes first, and not by all of them
    side by side."""
    report = yield
    if collector.path == TESTS and report.passed:
        rooms = report.result
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        begin = len(rooms) * worker // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        report.result = [*rooms[begin:], *rooms[:begin]]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fast ones first, so that most of what is broken is known soon; in the same order in each worker."""
    items.sort(key=lambda item: (_rank(item), item.path))


def _rank(item: pytest.Item) -> int:
    if any(room in item.nodeid for room in EARLY):
        return -1
    return next((rank for rank, room in enumerate(LATER, 1) if room in item.nodeid), 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests that start servers wait for most of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def _as_not_started() -> Iterator[None]:
    """Without it, a test that leaves a section or a gateway behind decides what the next one sees; and a key that it stored is still being
    tried behind its back while its tables are emptied."""
    yield
    give_up_at = time.monotonic() + LISTS_S
    while not background.READER.is_idle() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    runtime.install(None)
    for section in snapshot.SECTIONS.values():
        section.unload()


@pytest.fixture
async def given_back() -> AsyncIterator[None]:
    """The connection of the thread in which Django's synchronous side ran is closed: an open one would keep the test database from
    going."""
    yield
    await sync_to_async(connections.close_all)()
