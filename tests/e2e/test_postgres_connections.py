"""PostgreSQL's connections are few: /api needs no more of them than it was given, however many call."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e import server
from tests.e2e.postgres import Database, database
from tests.e2e.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

CALLERS = 20
CALLS = 10
LOOPS = 4  # what the process itself holds beside its requests


@pytest.fixture(scope="module")
def postgres() -> Iterator[Database]:
    with database() as made:
        yield made


@pytest.fixture(scope="module")
def running(postgres: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = server.start(
        tmp_path_factory.mktemp("connections"),
        "--no-tasks",
        FREEAI_DATABASE_URL=postgres.url,
        FREEAI_DATABASE_MAX_CONNECTIONS="5",
    )
    yield started
    started.stop()


def test_many_callers_of_api_share_few_connections(running: Server, postgres: Database):
    most, done = [], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            most.append(postgres.connections())

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(CALLERS) as pool:
        statuses = list(
            pool.map(lambda _: running.api("GET", "me/providers").status_code, range(CALLERS * CALLS))
        )
    done.set()
    watching.join()

    assert set(statuses) == {200}
    assert 0 < max(most) <= 5 + LOOPS


def test_no_connection_stays_behind_its_request(running: Server, postgres: Database):
    for _ in range(10):
        running.api("GET", "me/providers")

    server.wait_until(lambda: postgres.connections() <= LOOPS)
