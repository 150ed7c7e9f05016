"""The first administrator over HTTP: by the code of the log, and once."""

import re
import threading

import pytest
from django.db import connection
from structlog.testing import capture_logs

from apps.accounts import first_admin
from apps.accounts.models import SetupCode
from apps.accounts.throttle import PER_NAME
from apps.clients import tokens
from apps.gateway.process import setup
from tests.accounts.conftest import PASSWORD, Browser

URL = "/api/setup/first-admin"


def shown():
    """The code that the log of a start shows, or None."""
    with capture_logs() as lines:
        first_admin.announce()
    return lines[0]["code"] if lines else None


def post(browser, code, **fields):
    return browser.send("POST", URL, {"code": code, "username": "boss", "password": PASSWORD} | fields)


@pytest.fixture
def by_code(settings, db):
    settings.FREEAI_FIRST_ADMIN = "code"


def needs_setup(browser):
    return browser.get("/api/setup/status").json()["needs_setup"]


def test_the_code_makes_one_administrator(by_code, browser, django_user_model):
    before = needs_setup(browser)
    code = shown()

    answer = post(browser, code)
    again = post(browser, code, username="second")

    assert (before, needs_setup(browser)) == (True, False)
    assert (answer.status_code, answer.json()) == (201, {"username": "boss", "role": "admin"})
    assert again.status_code == 409
    assert [user.username for user in django_user_model.objects.all()] == ["boss"]
    assert browser.sign_in("boss").status_code == 200


def test_every_process_shows_the_same_code_and_no_row_holds_it(by_code):
    code = shown()

    assert re.fullmatch(r"[A-Z2-7]{6}(-[A-Z2-7]{6}){3}", code)
    assert shown() == code
    assert code not in repr(SetupCode.objects.values().get())


def test_small_letters_and_spaces_around_it_are_forgiven(by_code, browser):
    assert post(browser, f" {shown().lower()} ").status_code == 201


@pytest.mark.parametrize("code", ["x", "A" * 27, "ÄÖ"])
def test_a_wrong_code_is_refused(by_code, browser, code):
    shown()

    answer = post(browser, code)

    assert answer.status_code == 403
    assert needs_setup(browser)


def test_guessing_is_throttled(by_code, browser):
    code = shown()
    statuses = [post(browser, "wrong").status_code for _ in range(PER_NAME)]

    answer = post(browser, code)

    assert (set(statuses), answer.status_code) == ({403}, 429)
    assert "retry-after" in answer


def test_without_a_shown_code_nothing_is_one(by_code, browser):
    assert post(browser, "").status_code == 400
    assert post(browser, "x").status_code == 403


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"password": "1234"}, "password"), ({"username": "a b"}, "username"), ({"email": "x@y.z"}, "email")],
)
def test_what_cannot_be_taken_is_named_and_leaves_the_code_unused(by_code, browser, fields, field):
    code = shown()

    refused = post(browser, code, **fields)

    assert (refused.status_code, list(refused.json()["detail"])) == (400, [field])
    assert post(browser, code).status_code == 201


def test_a_name_that_is_taken_leaves_the_code_unused(by_code, browser, django_user_model):
    django_user_model.objects.create_user("boss")
    code = shown()

    assert post(browser, code).status_code == 400
    assert post(browser, code, username="chief").status_code == 201


def test_the_console_is_the_only_way_by_default(db, browser):
    assert shown() is None

    answer = post(browser, "x")

    assert answer.status_code == 403
    assert "FREEAI_FIRST_ADMIN=code" in answer.json()["detail"]


def test_a_new_code_when_the_administrator_is_gone_again(by_code, browser, django_user_model):
    first = shown()
    post(browser, first)
    assert shown() is None
    django_user_model.objects.all().delete()

    second = shown()

    assert second != first
    assert post(browser, first).status_code == 403
    assert post(browser, second).status_code == 201


def test_set_up_leaves_the_administrator_to_the_code(by_code, django_user_model):
    made: list[setup.Made] = []

    setup.make_first_secrets(made.append)

    assert not made[0]
    assert not django_user_model.objects.exists()
    assert tokens.name_of(made[0].admin_token) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_with_the_right_code_one_wins(settings, django_user_model):
    settings.FREEAI_FIRST_ADMIN = "code"
    code = shown()
    statuses = []

    def attempt(number):
        statuses.append(post(Browser(), code, username=f"boss{number}").status_code)
        connection.close()

    threads = [threading.Thread(target=attempt, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 409, 409, 409]
    assert django_user_model.objects.count() == 1
