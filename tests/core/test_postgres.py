"""The PostgreSQL backend: few connections, and no wait without an end."""

import gc
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import dj_database_url
import psycopg
import pytest
from django.db import OperationalError, connections, transaction

from apps.core import postgres
from apps.core.postgres import base, patience
from freeai import postgres as settings
from tests.e2e.postgres import SERVER_URL

pytestmark = pytest.mark.postgres


@pytest.fixture
def alias(django_db_blocker) -> Iterator[str]:
    """A database alias with three connections at most and half a second's patience."""
    try:
        psycopg.connect(SERVER_URL, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    name = f"pool_{uuid.uuid4().hex}"
    connections.databases[name] = {
        **connections.databases["default"],
        **dj_database_url.parse(SERVER_URL),
        "ENGINE": "apps.core.postgres",
        "OPTIONS": options({}) | {"patience_s": 0.5},
    }
    with django_db_blocker.unblock():
        yield name
        connections[name].close()
        del connections[name], connections.databases[name]


def ask(alias: str, query: str = "SELECT 1") -> Any:
    with connections[alias].cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def in_threads(count: int, work) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_statement_without_an_answer_ends_and_its_connection_is_replaced(alias: str):
    started = time.monotonic()

    with pytest.raises(OperationalError, match="no answer"):
        ask(alias, "SELECT pg_sleep(10)")
    took = time.monotonic() - started
    connections[alias].close_if_unusable_or_obsolete()

    assert 0.4 < took < 3
    assert ask(alias) == 1


def test_a_server_that_takes_no_writes_is_away_and_its_connection_is_replaced(alias: str):
    """A standby after a switch, or one that an administrator holds: no fault of ours, and the next connection may lead elsewhere."""
    ask(alias, "SELECT set_config('default_transaction_read_only', 'on', false)")

    with pytest.raises(OperationalError, match="read-only transaction"):
        ask(alias, "CREATE TABLE never_made (id integer)")
    connections[alias].close_if_unusable_or_obsolete()

    assert ask(alias, "SELECT current_setting('default_transaction_read_only')") == "off"


def test_in_the_middle_of_a_transaction_too(alias: str):
    ask(alias, "SELECT set_config('default_transaction_read_only', 'on', false)")

    with pytest.raises(OperationalError, match="read-only transaction"), transaction.atomic(using=alias):
        ask(alias, "CREATE TABLE never_made (id integer)")

    assert ask(alias, "SELECT current_setting('default_transaction_read_only')") == "off"


def test_who_needs_one_connection_more_waits_for_it(alias: str):
    answers: list[int] = []

    def work() -> None:
        answers.append(ask(alias))
        time.sleep(0.02)
        connections[alias].close()

    in_threads(12, work)

    assert answers == [1] * 12


def test_who_waits_for_too_long_is_told_the_setting(alias: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "SLOT_WAIT_S", 0.05)
    held, errors = threading.Barrier(4), []

    def hold() -> None:
        ask(alias)
        held.wait(10)
        held.wait(10)
        connections[alias].close()

    holders = [threading.Thread(target=hold) for _ in range(3)]
    for holder in holders:
        holder.start()
    held.wait(10)
    try:
        ask(alias)
    except OperationalError as error:
        errors.append(str(error))
    held.wait(10)
    for holder in holders:
        holder.join(10)

    assert "FREEAI_DATABASE_MAX_CONNECTIONS" in errors[0]
    assert ask(alias) == 1


@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
def test_a_thread_that_ends_without_closing_gives_its_connection_back(alias: str, monkeypatch):
    monkeypatch.setattr(base, "SLOT_WAIT_S", 5.0)

    for _ in range(3):
        in_threads(3, lambda: ask(alias))
        gc.collect()

    assert ask(alias) == 1


def test_a_server_that_refuses_costs_no_connection(alias: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "SLOT_WAIT_S", 0.05)
    monkeypatch.setitem(connections.databases[alias], "PORT", 1)
    for _ in range(5):
        with pytest.raises(OperationalError, match="refused"):
            ask(alias)
    monkeypatch.undo()

    assert ask(alias) == 1


def test_background_loops_are_not_counted(alias: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "SLOT_WAIT_S", 0.05)
    connections.databases[alias]["OPTIONS"]["max_connections"] = 1
    ask(alias)
    answers: list[int] = []

    def loop() -> None:
        patience.PATIENCE_S.set(5.0)
        answers.append(ask(alias))
        connections[alias].close()

    in_threads(1, loop)

    assert answers == [1]


def test_migrations_may_take_their_time(alias: str):
    postgres.take_the_time(using=alias)
    unhurried = ask(alias, "SHOW statement_timeout"), ask(alias, "SELECT pg_sleep(0.8)")
    postgres.hurry_again(using=alias)

    assert unhurried[0] == "0"
    assert ask(alias, "SHOW statement_timeout") == "15s"


def test_whoever_waits_when_the_process_ends_is_let_go(alias: str, monkeypatch: pytest.MonkeyPatch):
    connections.databases[alias]["OPTIONS"]["patience_s"] = None
    leaving = threading.Event()
    monkeypatch.setattr(patience, "_leaving", leaving)
    threading.Timer(0.2, patience.let_go).start()

    with pytest.raises(OperationalError):
        ask(alias, "SELECT pg_sleep(10)")

    assert leaving.is_set()


def options(given: dict[str, Any], **changes: int) -> dict[str, Any]:
    return settings.options(given, **({"connect_s": 5, "statement_s": 15, "tcp_s": 12, "most": 3} | changes))


def test_every_wait_has_an_end_and_the_url_wins():
    made = options({"connect_timeout": 9, "options": "-c search_path=x"})

    assert (made["connect_timeout"], made["tcp_user_timeout"], made["keepalives_idle"]) == (9, 12_000, 6)
    limits = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=15s"
    assert made["options"] == f"{limits} -c search_path=x"
    assert made["patience_s"] > 15


def test_no_statement_timeout_is_sent_where_it_is_0():
    assert options({}, statement_s=0).keys().isdisjoint({"options", "patience_s"})
