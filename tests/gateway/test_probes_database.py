"""/readyz while the database hangs, takes no writes, or is not the one that this version made."""

import threading

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from apps.gateway.edge import probes
from apps.gateway.edge.probes import DatabaseProbe


async def test_a_database_that_hangs_is_not_ready_and_is_asked_once(monkeypatch):
    asked: list[int] = []
    back = threading.Event()

    def hanging() -> bool:
        asked.append(1)
        return back.wait(10)

    monkeypatch.setattr(probes, "_database_serves", hanging)
    monkeypatch.setattr(probes, "DATABASE_TIMEOUT_S", 0.05)
    probe = DatabaseProbe()

    away = [await probe.answers(), await probe.answers()]
    back.set()
    monkeypatch.setattr(probes, "DATABASE_TIMEOUT_S", 5.0)

    assert (away, await probe.answers(), asked) == ([False, False], True, [1])


@pytest.mark.django_db
def test_a_database_as_set_up_made_it_serves():
    assert probes._database_serves()


@pytest.mark.django_db
def test_a_database_without_a_migration_of_this_version_does_not_serve():
    MigrationRecorder.Migration.objects.filter(app="core", name="0002_task_runs").delete()

    assert not probes._database_serves()


@pytest.mark.django_db
def test_a_database_that_a_newer_version_brought_up_to_date_serves():
    MigrationRecorder.Migration.objects.create(app="core", name="9999_of_next_year")

    assert probes._database_serves()


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")
def test_a_database_that_takes_no_writes_does_not_serve():
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")

    assert not probes._database_serves()
