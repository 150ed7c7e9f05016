"""PostgreSQL's connections go silent: open, and nothing comes back. New ones work, or do not either."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.e2e import plain, server
from tests.e2e.postgres import Database, Proxy, database
from tests.e2e.server import Server, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

REVOKED_WITHIN_S = 5.0
GRACE_S = 8


@pytest.fixture
def postgres() -> Iterator[Database]:
    with database() as made:
        yield made


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


@pytest.fixture
def running(postgres: Database, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = server.start(
        tmp_path_factory.mktemp("silent"),
        "--no-tasks",
        FREEAI_DATABASE_URL=postgres.over(proxy),
        FREEAI_SHUTDOWN_GRACE_S=str(GRACE_S),
        FREEAI_LOG_FORMAT="json",
    )
    assert started.chat().status_code == 200
    yield started
    proxy.silence()
    started.process.kill()
    started.process.wait(10)


def logged(running: Server) -> list[dict]:
    lines = (running.data_dir / "console.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def rows(postgres: Database) -> int:
    return postgres.value("SELECT count(*) FROM usage_events")


def at_rest(postgres: Database) -> bool:
    """The first answer is in the ledger, with all that follows from it."""
    noted = postgres.value("SELECT count(*) FROM clients_clientkey WHERE last_used_at IS NOT NULL")
    return rows(postgres) == 1 and noted == 1


def test_old_connections_that_never_answer_are_replaced(running: Server, postgres: Database, proxy: Proxy):
    wait_until(lambda: at_rest(postgres))
    proxy.silence()
    silent_at = time.monotonic()
    assert running.chat().status_code == 200

    postgres.execute(
        "UPDATE clients_clientkey SET revoked_at = now(), updated_at = now();"
        " UPDATE core_snapshotversion SET version = version + 1 WHERE section = 'clients'"
    )
    wait_until(lambda: running.chat().status_code == 401, REVOKED_WITHIN_S)

    assert time.monotonic() - silent_at < REVOKED_WITHIN_S + 1
    wait_until(lambda: plain.get(f"{running.url}/readyz", timeout=10).status_code == 200, 15)
    wait_until(lambda: running.metric("freeai_spool_depth") == 0, 30)
    assert rows(postgres) >= 2
    assert "database.silent" in {line["event"] for line in logged(running)}


def test_depth_and_lag_are_true_while_the_writer_waits(running: Server, postgres: Database, proxy: Proxy):
    wait_until(lambda: at_rest(postgres))
    proxy.silence(new=True)
    for _ in range(3):
        assert running.chat().status_code == 200

    time.sleep(3)
    depth, lag = running.metric("freeai_spool_depth"), running.metric("freeai_spool_lag_seconds")
    proxy.speak()

    assert depth == 3
    assert 2.5 < lag < 6
    wait_until(lambda: rows(postgres) == 4, 60)
    wait_until(lambda: running.metric("freeai_spool_lag_seconds") == 0)


def test_sigterm_while_the_database_hangs_ends_and_says_what_is_left(
    running: Server, postgres: Database, proxy: Proxy
):
    wait_until(lambda: at_rest(postgres))
    proxy.silence(new=True)
    assert running.chat().status_code == 200
    hanging = threading.Thread(target=ask_api, args=(running,))
    hanging.start()
    time.sleep(1)

    running.process.send_signal(signal.SIGTERM)
    running.process.wait(GRACE_S + 4)
    hanging.join(10)

    left = [line for line in logged(running) if line["event"] == "usage.left_in_spool"]
    assert [line["events"] for line in left] == [1]
    assert list((running.data_dir / "spool").rglob("*.jsonl"))


def ask_api(running: Server) -> None:
    with suppress(httpx.TransportError):
        running.api("GET", "me/providers")
