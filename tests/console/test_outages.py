"""What the site says while the database is away, or a session has ended."""

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from apps.console.pages import pool
from tests.console.conftest import signed_in


@pytest.fixture
def asking(alice, monkeypatch):
    """A user whose page of providers fails as the database does. Returns what asks for it, with headers."""

    def fail(error):
        def show(*_args, **_context):
            raise error

        monkeypatch.setattr(pool, "pool_of", show)
        browser = signed_in(alice)
        browser.raise_request_exception = False
        return lambda **headers: browser.get("/admin/pool/", headers=headers)

    return fail


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_said_and_not_called_our_fault(asking, kind):
    answer = asking(kind("server closed the connection"))()

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The database does not answer" in answer.content.decode()
    assert "Our fault" not in answer.content.decode()
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_who_waits_for_a_part_gets_a_sentence(asking):
    answer = asking(OperationalError("database is locked"))(x_part="1")

    assert answer.status_code == 503
    assert answer.json() == {"detail": "The database is out of reach. Try again later."}


def test_what_is_our_fault_stays_our_fault(asking):
    answer = asking(RuntimeError("a bug"))()

    assert answer.status_code == 500
    assert "Our fault" in answer.content.decode()


def test_a_page_may_ask_whether_its_session_is_one(alice):
    assert signed_in(alice).get("/admin/here/").status_code == 204
    assert Client().get("/admin/here/").status_code == 302
