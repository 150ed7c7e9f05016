"""Two gateways on one database would each grant every quota: the second is refused in words, and may follow a first that died."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import server
from tests.e2e.entrances import ENTRANCES, run
from tests.e2e.postgres import database
from tests.e2e.server import Server

pytestmark = pytest.mark.slow

LOCKS = "pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND granted AND datname = current_database()"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.sqlite3'}"
        return
    with database() as made:
        yield made.url


@pytest.fixture
def start(tmp_path: Path, url: str) -> Iterator[Callable[[str], Server]]:
    """A gateway with a data directory of its own, on the one database."""
    running: list[Server] = []

    def begin(name: str) -> Server:
        running.append(
            server.start(tmp_path / name, "--no-tasks", from_nothing=True, FREEAI_DATABASE_URL=url)
        )
        return running[-1]

    yield begin
    for each in running:
        if each.process.poll() is None:
            each.kill()


@pytest.mark.parametrize("entrance", ["serve", "uvicorn"])
def test_a_second_gateway_is_refused_in_one_line(start, tmp_path: Path, url: str, entrance: str):
    first = start("first")
    run(ENTRANCES["setup"], tmp_path / "second", FREEAI_DATABASE_URL=url)

    ended = run(ENTRANCES[entrance], tmp_path / "second", FREEAI_DATABASE_URL=url)

    said = [line for line in ended.stderr.splitlines() if "Another gateway" in line]
    assert ended.returncode != 0
    assert len(said) == 1
    assert "FREEAI_DATABASE_URL" in said[0]
    assert "Traceback" not in ended.stderr
    assert first.chat().status_code == 200


def test_after_a_kill_the_next_one_serves_at_once(start, url: str):
    start("first").kill()

    began = time.monotonic()
    second = start("second")

    assert second.process.poll() is None
    assert time.monotonic() - began < 20


@pytest.mark.postgres
def test_a_lock_that_was_lost_is_taken_again(tmp_path: Path):
    with database() as postgres:
        first = server.start(tmp_path / "first", "--no-tasks", FREEAI_DATABASE_URL=postgres.url)
        try:
            postgres.execute(f"SELECT pg_terminate_backend(pid) FROM {LOCKS}")  # noqa: S608 - our own words
            server.wait_until(lambda: not held(postgres))
            server.wait_until(lambda: held(postgres), 20)
            ended = run(ENTRANCES["serve"], tmp_path / "second", FREEAI_DATABASE_URL=postgres.url)
        finally:
            first.kill()

    assert ended.returncode == 1
    assert "Another gateway (freeai gateway, host" in ended.stderr


def held(postgres) -> bool:
    return bool(postgres.value(f"SELECT count(*) FROM {LOCKS}"))  # noqa: S608 - our own words


@pytest.mark.parametrize("link_to", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_link_to_the_database_is_the_database(
    start, tmp_path: Path, url: str, link_to: Callable[[Path, Path], None]
):
    start("first")
    link = tmp_path / "link.sqlite3"
    link_to(link, tmp_path / "shared.sqlite3")

    ended = run(ENTRANCES["serve"], tmp_path / "second", FREEAI_DATABASE_URL=f"sqlite:///{link}")

    assert ended.returncode == 1
    assert "Another gateway" in ended.stderr


def test_a_lock_that_cannot_be_taken_is_refused_in_one_line(tmp_path: Path):
    database = tmp_path / "shared.sqlite3"
    database.with_name("shared.sqlite3.gateway").mkdir()

    ended = run(ENTRANCES["serve"], tmp_path / "first", FREEAI_DATABASE_URL=f"sqlite:///{database}")

    assert ended.returncode == 1
    assert "shared.sqlite3.gateway cannot be locked" in ended.stderr
    assert "Traceback" not in ended.stderr
