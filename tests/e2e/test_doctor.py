"""`manage.py doctor` beside a gateway that serves: what agrees under load, and what is found where something was changed by hand."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e import postgres, server
from tests.e2e.entrances import manage
from tests.e2e.load import Load
from tests.e2e.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = server.start(tmp_path_factory.mktemp("doctor"), "--no-tasks")
    yield running
    running.stop()


def doctor(gateway: Server, *options: str, **env: str) -> tuple[int, list[dict[str, str]]]:
    port = str(urlsplit(gateway.url).port)
    ended = manage("doctor", "--json", *options, data_dir=gateway.data_dir, **{"FREEAI_PORT": port} | env)
    assert ended.stdout.startswith("["), ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def texts(found: list[dict[str, str]], level: str) -> list[str]:
    """But for what the machine of the tests has too little of."""
    return [
        each["text"] for each in found if each["level"] == level and each["check"] not in ("disk", "files")
    ]


def test_a_fresh_gateway_is_well(gateway: Server):
    code, found = doctor(gateway)

    assert (code, texts(found, "error"), texts(found, "warning")) == (0, [], [])
    assert f"{gateway.url} is ready." in texts(found, "ok")


def test_what_counts_usage_agrees_under_load(gateway: Server):
    with Load().on(gateway) as load:
        load.more(30)
        code, found = doctor(gateway, "--ledger")
        load.more(30)

    assert (code, texts(found, "error")) == (0, [])
    assert any("in the ledger as in the metrics" in text for text in texts(found, "ok"))
    assert any("hold a reservation" in text for text in texts(found, "ok"))


def test_rows_that_somebody_deleted_are_missed(gateway: Server):
    with Load().on(gateway) as load:
        load.more(10)
    server.wait_until(lambda: gateway.metric("freeai_spool_depth") == 0)
    with sqlite3.connect(gateway.data_dir / "freeai.sqlite3") as database:
        database.execute("DELETE FROM usage_events WHERE id IN (SELECT id FROM usage_events LIMIT 3)")
        database.execute(
            "UPDATE usage_events SET is_last = 0 WHERE id IN (SELECT id FROM usage_events LIMIT 2)"
        )

    code, found = doctor(gateway, "--ledger")

    assert code == 1
    assert sum("not exactly one attempt that is its last" in text for text in texts(found, "error")) == 2
    assert any("attempts in the ledger" in text for text in texts(found, "error"))


def test_on_postgresql_as_well(tmp_path: Path):
    with postgres.database() as made:
        running = server.start(tmp_path, "--no-tasks", FREEAI_DATABASE_URL=made.url)
        with Load().on(running) as load:
            load.more(20)
            code, found = doctor(running, FREEAI_DATABASE_URL=made.url)
            of_ledger = doctor(running, "--ledger", FREEAI_DATABASE_URL=made.url)
        running.stop()
        _, afterwards = doctor(running, "--only", "gateway", FREEAI_DATABASE_URL=made.url)

    assert (code, texts(found, "error"), texts(found, "warning")) == (0, [], [])
    assert (of_ledger[0], texts(of_ledger[1], "error")) == (0, [])
    assert texts(afterwards, "note") == ["No gateway runs on this database."]


def test_a_refused_variable_is_a_finding_of_its_own(gateway: Server):
    code, found = doctor(gateway, FREEAI_SPOOL_MAX_BYTES="2G")

    assert code == 1
    assert [each["check"] for each in found if each["level"] == "error"] == ["variables"]


def test_nothing_is_set_up_yet(tmp_path: Path):
    ended = manage("doctor", data_dir=tmp_path / "nothing")

    assert ended.returncode == 1
    assert "manage.py setup" in ended.stdout
    assert not (tmp_path / "nothing").exists()
