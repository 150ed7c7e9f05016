"""Ledgers to write to: a SQLite file and a PostgreSQL schema, apart from the test run's default database."""

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import dj_database_url
import psycopg
import pytest
from django.apps import apps
from django.db import OperationalError, connections

from apps.analytics import writer as writer_module
from apps.analytics.models import UsageEventRow
from apps.analytics.spool import Spool
from apps.analytics.writer import Writer
from tests.analytics.examples import Journal

by_month = import_module("apps.analytics.migrations.0006_events_by_month")
MODELS = list(apps.get_app_config("analytics").get_models())
POSTGRES_URL = os.environ.get("FREEAI_TEST_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/test"


class Ledger:
    """One database with an empty usage_events, under `alias`."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @property
    def rows(self):
        return UsageEventRow.objects.using(self.alias)

    def outcomes(self) -> dict[str, str]:
        """Outcome by event id; fails when an id is there twice."""
        pairs = [(pk.hex, outcome) for pk, outcome in self.rows.values_list("pk", "outcome")]
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)


class Outage:
    """Every use of one alias fails while `active`, in every thread."""

    def __init__(self) -> None:
        self.active = False


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request, tmp_path: Path, django_db_blocker) -> Iterator[Ledger]:
    with (
        django_db_blocker.unblock(),
        _ledger(_postgres if request.param == "postgres" else _sqlite, tmp_path) as made,
    ):
        divide(made)
        yield made


@pytest.fixture
def undivided(tmp_path: Path, django_db_blocker) -> Iterator[Ledger]:
    """On PostgreSQL, as it was before there were months."""
    with django_db_blocker.unblock(), _ledger(_postgres, tmp_path) as made:
        yield made


@pytest.fixture
def postgres_ledger(undivided: Ledger) -> Ledger:
    divide(undivided)
    return undivided


def divide(ledger: Ledger) -> None:
    """What the migration does."""
    with connections[ledger.alias].schema_editor(atomic=False) as editor:
        by_month.divide(None, editor)
    connections[ledger.alias].close()  # who counts connections counts the ledger's own


@contextmanager
def _ledger(make, tmp_path: Path) -> Iterator[Ledger]:
    alias = f"ledger_{uuid.uuid4().hex}"
    options, remove = make(alias, tmp_path)
    connections.databases[alias] = {**connections.databases["default"], "OPTIONS": {}, **options}
    with connections[alias].schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
    connections[alias].close()
    yield Ledger(alias)
    connections[alias].close()
    del connections[alias], connections.databases[alias]
    remove()


@pytest.fixture
def outage(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Outage:
    outage = Outage()
    wrapper = type(connections[ledger.alias])
    ensure = wrapper.ensure_connection

    def ensure_connection(self) -> None:
        if outage.active and self.alias == ledger.alias:
            raise OperationalError("the database is away")
        ensure(self)

    monkeypatch.setattr(wrapper, "ensure_connection", ensure_connection)
    return outage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(root: Path) -> Iterator[Spool]:
    spool = Spool(root)
    yield spool
    spool.close()


@pytest.fixture
async def writer(ledger: Ledger, spool: Spool, root: Path):
    writer = Writer(spool, root, using=ledger.alias)
    yield writer
    await writer.aclose(10)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """What the writer logs."""
    journal = Journal()
    monkeypatch.setattr(writer_module, "log", journal)
    return journal


def _sqlite(alias: str, tmp_path: Path):
    options = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "ledger.sqlite3"),
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            # As it is served: with a sync at each commit the tests are the disk's.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
    return options, lambda: None


def _postgres(alias: str, tmp_path: Path):
    try:
        admin = psycopg.connect(POSTGRES_URL, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    admin.execute(f'CREATE SCHEMA "{alias}"')

    def remove() -> None:
        with admin:
            admin.execute(f'DROP SCHEMA "{alias}" CASCADE')

    options = {"application_name": alias[:63], "options": f"-c search_path={alias}"}
    return {
        **dj_database_url.parse(POSTGRES_URL, conn_max_age=60, conn_health_checks=True),
        "OPTIONS": options,
    }, remove


async def off_loop(work):
    """Run a query where Django allows it, and give its connection back."""

    def call():
        try:
            return work()
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close()

    return await asyncio.to_thread(call)
