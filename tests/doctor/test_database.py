"""What a database lacks, or has too much of."""

from pathlib import Path

import pytest
from django.db import OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder

from apps.analytics import partitions
from freeai.doctor import database, examining
from tests.doctor.conftest import Examine

pytestmark = pytest.mark.django_db


def bad(found: list) -> list[str]:
    return [each.text for each in found if each.level in ("warning", "error")]


def test_the_database_of_the_tests_is_well(examine: Examine):
    assert bad(examine("database") + examine("migrations") + examine("months")) == []


def test_a_missing_migration(examine: Examine):
    MigrationRecorder.Migration.objects.filter(app="core", name="0002_task_runs").delete()

    assert "1 migrations are missing, core.0002_task_runs first" in bad(examine("migrations"))[0]


def test_an_empty_database_is_of_no_version(examine: Examine):
    MigrationRecorder.Migration.objects.all().delete()

    assert "Nothing is set up in the database" in bad(examine("migrations"))[0]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite")
def test_looking_makes_no_database(examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "freeai.sqlite3"
    elsewhere = connections.create_connection("default")
    elsewhere.settings_dict = connection.settings_dict | {"NAME": str(file)}
    monkeypatch.setattr(database, "connection", elsewhere)

    assert "is not there" in bad(examine("database"))[0]
    assert not file.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")
def test_one_that_takes_no_writes(examine: Examine):
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")

    assert "takes no writes" in bad(examine("database_kind"))[0]


def test_a_newer_database(examine: Examine):
    MigrationRecorder.Migration.objects.create(app="core", name="9999_of_next_year")

    assert "core.9999_of_next_year" in bad(examine("migrations"))[0]


def test_one_that_is_away_stops_no_other_check(monkeypatch: pytest.MonkeyPatch):
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", away)

    found = dict(examining.examine())

    assert found["database"].level == "error"
    assert found["catalogue"].text == "Not examined: it needs what is wrong with migrations."
    assert found["files"].level != "note"


def test_a_check_that_fails_is_a_finding(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(partitions, "months", lambda _: 1 / 0)
    monkeypatch.setattr(connection, "vendor", "postgresql")

    assert "It could not be examined: ZeroDivisionError" in bad(examine("months"))[0]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite")
def test_a_damaged_file(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    said = {"PRAGMA journal_mode": "wal", "PRAGMA quick_check(1)": "Page 7 is never used"}
    monkeypatch.setattr(database, "_value", said.__getitem__)

    assert "Page 7 is never used" in bad(examine("database_kind"))[0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")
@pytest.mark.parametrize(
    ("query", "value", "words"),
    [
        ("version", 130_009, "is older than 14"),
        ("recovery", True, "is a standby"),
        ("TEMPORARY", False, "no temporary tables"),
        ("CREATE", False, "may not CREATE"),
        ("max_connections", 10, "PostgreSQL takes 10"),
        ("epoch", 0, "s apart"),
    ],
)
def test_a_postgresql_that_does_not_do(
    query: str, value: object, words: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
):
    ask = database._value
    monkeypatch.setattr(database, "_value", lambda text: value if query in text else ask(text))

    assert any(words in text for text in bad(examine("database_kind")))
