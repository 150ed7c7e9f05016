"""Changing one's own password by `/api/auth/password`."""

import pytest
import structlog
from auditlog.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client

from apps.accounts import jwts, sign_in
from apps.accounts.throttle import PER_NAME
from apps.clients import keys, tokens
from apps.core import clock, snapshot
from tests.accounts.conftest import PASSWORD, Browser, bearer, me

pytestmark = pytest.mark.django_db
NEW = "correct horse 48"
PATH = "/api/auth/password"
BODY = {"current_password": PASSWORD, "new_password": NEW}


def change(browser, body=BODY, **headers):
    return browser.send("POST", PATH, body, **headers)


@pytest.fixture
def signed_in(browser, alice):
    """Alice's browser, with its CSRF token."""
    browser.sign_in("alice")
    return browser


def test_the_new_password_opens_and_the_old_one_does_not(signed_in):
    answer = change(signed_in, **signed_in.csrf())

    assert (answer.status_code, answer["cache-control"]) == (200, "no-store")
    assert set(answer.json()) == {"access", "refresh"}
    assert Browser().sign_in("alice", NEW).status_code == 200
    assert Browser().sign_in("alice", PASSWORD).status_code == 401


def test_whoever_changes_it_stays_signed_in_and_everybody_else_does_not(signed_in, alice):
    other = Browser()
    refresh = other.sign_in("alice").json()["refresh"]
    admin_site = Client()
    admin_site.force_login(alice)
    former = signed_in.cookies["freeai_access"].value

    answer = change(signed_in, **signed_in.csrf())

    assert me(signed_in) == me(Browser(), **bearer(answer.json()["access"])) == "alice"
    assert me(other) == me(Browser(), **bearer(former)) == 401
    assert me(admin_site) in (401, 403)
    assert Browser().send("POST", "/api/auth/refresh", {"refresh": refresh}).status_code == 401


def test_by_the_session_of_the_admin_site_that_session_stays(browser, alice):
    browser.force_login(alice)
    elsewhere = Client()
    elsewhere.force_login(alice)

    answer = change(browser, **browser.csrf())
    del browser.cookies["freeai_access"]

    assert answer.status_code == 200
    assert me(browser) == "alice"
    assert me(elsewhere) in (401, 403)


def test_a_session_that_had_ended_is_not_revived(signed_in, alice):
    signed_in.force_login(alice)
    alice.set_password("another horse 1")
    alice.save()
    alice.set_password(PASSWORD)
    alice.save()
    signed_in.sign_in("alice")

    assert change(signed_in, **signed_in.csrf()).status_code == 200
    del signed_in.cookies["freeai_access"]

    assert me(signed_in) in (401, 403)


def test_client_keys_and_admin_tokens_stay(signed_in, alice):
    get_user_model().objects.create_superuser("root")
    key, token = keys.issue(alice, "app"), tokens.issue("ci")

    change(signed_in, **signed_in.csrf())

    snapshot.load_all()
    assert keys.verify(key.raw, clock.now()).user_id == alice.pk
    assert me(Client(), **{"x-admin-token": token.raw}) == "root"


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (BODY | {"current_password": "wrong"}, "current_password", "This is not the current password."),
        (BODY | {"new_password": "12345"}, "new_password", "This password is too short."),
        (
            BODY | {"new_password": "alice@example.com"},
            "new_password",
            "The password is too similar to the email address.",
        ),
        (BODY | {"new_password": PASSWORD}, "new_password", "This is the current password."),
        ({"new_password": NEW}, "current_password", "This field is required."),
        (BODY | {"password": NEW}, "password", "Unknown field."),
        (BODY | {"new_password": 5}, "new_password", "Must be a string."),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(signed_in, body, field, said):
    answer = change(signed_in, body, **signed_in.csrf())

    assert answer.status_code == 400
    (problem, *_) = answer.json()["detail"][field]
    assert problem.startswith(said)
    assert Browser().sign_in("alice").status_code == 200


def test_guessing_the_current_one_is_throttled_with_every_sign_in(signed_in):
    headers = signed_in.csrf()
    guesses = [
        change(signed_in, BODY | {"current_password": f"guess {n}"}, **headers) for n in range(PER_NAME)
    ]

    refused = change(signed_in, **headers)

    assert {guess.status_code for guess in guesses} == {400}
    assert refused.status_code == 429
    assert int(refused["retry-after"]) > 0
    assert signed_in.sign_in("alice").status_code == 429


def test_a_weak_new_one_is_no_attempt(signed_in):
    headers = signed_in.csrf()
    for _ in range(PER_NAME + 1):
        change(signed_in, BODY | {"new_password": "short"}, **headers)

    assert change(signed_in, **headers).status_code == 200


def test_it_takes_a_csrf_token_beside_a_cookie_and_none_beside_a_bearer(signed_in, alice):
    assert change(signed_in).status_code == 403
    assert change(Browser(), **bearer(jwts.issue(alice).access)).status_code == 200


def test_who_signs_in_elsewhere_has_none_to_change(browser, alice):
    alice.set_unusable_password()
    alice.save()

    answer = change(browser, **bearer(jwts.issue(alice).access))

    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        {"current_password": ["This user has no password: they sign in by single sign-on."]},
    )


def test_it_is_an_act_that_shows_no_password(signed_in):
    LogEntry.objects.all().delete()

    with structlog.testing.capture_logs() as logs:
        change(signed_in, **signed_in.csrf())

    (entry,) = LogEntry.objects.all()
    assert (entry.additional_data["by"], list(entry.changes)) == ("alice", ["password"])
    assert [line["event"] for line in logs if line["event"].startswith("password.")] == ["password.changed"]
    for secret in (PASSWORD, NEW):
        assert secret not in str(entry.changes) + str(logs)


def test_of_two_at_once_one_counts(signed_in, alice, monkeypatch):
    checked = sign_in.check

    def meanwhile(*arguments):
        user = checked(*arguments)
        other = get_user_model().objects.get(pk=alice.pk)
        other.set_password("third horse 99")
        other.save()
        return user

    monkeypatch.setattr(sign_in, "check", meanwhile)
    answer = change(signed_in, **signed_in.csrf())

    assert answer.status_code == 409
    monkeypatch.undo()
    assert Browser().sign_in("alice", "third horse 99").status_code == 200
