"""Behind a PgBouncer in transaction mode: all that is asked for works, and what needs a session of its own goes past it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.e2e import plain, server
from tests.e2e.entrances import manage
from tests.e2e.pgbouncer import Pooler, pooling
from tests.e2e.postgres import Database, database
from tests.e2e.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

CALLERS = 16
PAGES = ("me/providers", "providers", "me/analytics", "usage-events", "clients", "strategies", "config")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Database]:
    with database() as made:
        yield made


@pytest.fixture(scope="module")
def pooler(postgres: Database) -> Iterator[Pooler]:
    with pooling(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def running(postgres: Database, pooler: Pooler, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = server.start(
        tmp_path_factory.mktemp("pooled"),
        FREEAI_DATABASE_URL=postgres.url,
        FREEAI_DATABASE_POOLER_URL=pooler.url,
    )
    yield started
    started.stop()


def answered(running: Server, count: int) -> set[str]:
    """The ids of so many good answers."""
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = [*pool.map(lambda _: running.chat(model="sandbox/ok"), range(count))]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.headers["x-request-id"] for answer in answers}


def wait_for_ledger(postgres: Database, ids: set[str]) -> None:
    def found() -> set[str]:
        with psycopg.connect(postgres.url) as connection:
            rows = connection.execute("SELECT request_id FROM usage_events").fetchall()
        return {str(row[0]) for row in rows}

    server.wait_until(lambda: ids <= found(), seconds=30)


def test_requests_pages_and_the_ledger_go_through_it(running: Server, pooler: Pooler, postgres: Database):
    before = pooler.transactions()

    ids = answered(running, 100)
    with ThreadPoolExecutor(CALLERS) as pool:
        pages = [*pool.map(lambda page: (page, running.api("GET", page).status_code), PAGES * 8)]

    wait_for_ledger(postgres, ids)
    assert {status for _, status in pages} == {200}, pages
    server.wait_until(
        lambda: pooler.transactions() > before + len(pages), seconds=70
    )  # it counts once a minute


def test_what_is_written_is_seen_by_whoever_serves(running: Server):
    made = running.api("POST", "clients", json={"name": "pooled"}).json()

    body = {"model": "sandbox/ok", "messages": [{"role": "user", "content": "Hi"}]}

    def status() -> int:
        key = {"Authorization": f"Bearer {made['api_key']}"}
        return plain.post(
            f"{running.url}/v1/chat/completions", json=body, headers=key, timeout=10
        ).status_code

    server.wait_until(lambda: status() == 200)
    assert running.api("DELETE", f"clients/{made['key_hash']}").status_code == 204
    server.wait_until(lambda: status() == 401)


def test_no_second_gateway_serves_on_the_database(
    running: Server, pooler: Pooler, postgres: Database, tmp_path: Path
):
    with pytest.raises(AssertionError, match="Another gateway"):
        server.start(
            tmp_path,
            FREEAI_DATABASE_URL=postgres.url,
            FREEAI_DATABASE_POOLER_URL=pooler.url,
            FREEAI_MASTER_KEYS=(running.data_dir / "secrets" / "master_keys").read_text().strip(),
        )


def doctor(data_dir: Path, **env: str) -> dict[str, str]:
    """What it finds wrong, by check."""
    found = json.loads(manage("doctor", "--json", data_dir=data_dir, **env).stdout)
    return {each["check"]: each["text"] for each in found if each["level"] in ("warning", "error")}


def test_the_doctor_knows_a_pooler_that_leads_elsewhere(running: Server, pooler: Pooler, postgres: Database):
    elsewhere = urlsplit(pooler.url)._replace(path="/postgres").geturl()
    found = {
        url: doctor(running.data_dir, FREEAI_DATABASE_URL=postgres.url, FREEAI_DATABASE_POOLER_URL=url)
        for url in (pooler.url, elsewhere, "postgres://nobody@127.0.0.1:1/test")
    }

    assert "pooler" not in found[pooler.url]
    assert "another database" in found[elsewhere]["pooler"]
    assert "does not answer" in found["postgres://nobody@127.0.0.1:1/test"]["pooler"]


def test_the_doctor_knows_a_pooler_that_swallows_start_up_options(running: Server, postgres: Database):
    with pooling(postgres, "ignore_startup_parameters = options\n") as silent:
        found = doctor(running.data_dir, FREEAI_DATABASE_URL=silent.url)

    assert "a pooler seems to be in between" in found["database_kind"]


def test_a_pooler_that_is_killed_loses_no_event(running: Server, pooler: Pooler, postgres: Database):
    ids = answered(running, 20)
    pooler.kill()
    ids |= answered(running, 20)
    pooler.start()
    ids |= answered(running, 20)

    wait_for_ledger(postgres, ids)
    server.wait_until(lambda: running.api("GET", "me/providers").status_code == 200)


def test_a_pooler_where_the_database_should_be_is_told(pooler: Pooler, tmp_path: Path):
    ended = manage("serve", data_dir=tmp_path, FREEAI_DATABASE_URL=pooler.url)

    assert ended.returncode == 1
    assert "FREEAI_DATABASE_POOLER_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
