"""What a sign-in gives: CSRF where cookies carry it, rotation, and the end of every token."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts import jwts, tasks
from apps.accounts.models import AttemptCount, ClosedToken
from tests.accounts.conftest import ME, Browser, bearer, me

pytestmark = pytest.mark.django_db


def test_an_unsafe_method_needs_the_csrf_token_where_cookies_sign_in(browser, alice):
    browser.sign_in("alice")

    refused = browser.send("POST", "/api/clients", {"name": "app"})
    wrong = browser.send("POST", "/api/clients", {"name": "app"}, **{"x-csrftoken": "x" * 32})
    right = browser.send("POST", "/api/clients", {"name": "app"}, **browser.csrf())

    assert [answer.status_code for answer in (refused, wrong, right)] == [403, 403, 201]
    assert "CSRF" in refused.json()["detail"]


def test_bearer_needs_no_csrf_token(alice):
    access = jwts.issue(alice).access

    assert Browser().send("POST", "/api/clients", {"name": "app"}, **bearer(access)).status_code == 201


def test_a_refresh_token_buys_one_pair(browser, alice):
    first = browser.sign_in("alice").json()

    renewed = browser.send("POST", "/api/auth/refresh", {}, **browser.csrf())
    again = Browser().send("POST", "/api/auth/refresh", {"refresh": first["refresh"]})

    assert renewed.status_code == 200
    assert renewed.cookies["freeai_refresh"].value == renewed.json()["refresh"] != first["refresh"]
    assert me(browser) == "alice"
    assert again.status_code == 401
    assert "used before" in again.json()["detail"]


def test_refresh_by_cookie_needs_the_csrf_token_and_by_body_none(browser, alice):
    pair = browser.sign_in("alice").json()

    assert browser.send("POST", "/api/auth/refresh", {}).status_code == 403
    assert Browser().send("POST", "/api/auth/refresh", {"refresh": pair["refresh"]}).status_code == 200


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_what_is_no_refresh_token_is_refused(db, token):
    answer = Browser().send("POST", "/api/auth/refresh", {"refresh": token} if token else {})

    assert answer.status_code == 401


def test_an_access_token_does_not_refresh_and_a_refresh_token_does_not_open(alice):
    pair = jwts.issue(alice)

    assert Browser().send("POST", "/api/auth/refresh", {"refresh": pair.access}).status_code == 401
    assert me(Browser(), **bearer(pair.refresh)) == 401


def test_logout_closes_both_tokens_the_session_and_the_cookies(browser, alice, client):
    pair = browser.sign_in("alice").json()

    refused = browser.send("POST", "/api/auth/logout", {})
    answer = browser.send("POST", "/api/auth/logout", {}, **browser.csrf())

    assert [refused.status_code, answer.status_code] == [403, 204]
    assert [answer.cookies[name].value for name in ("freeai_access", "freeai_refresh")] == ["", ""]
    assert me(Browser(), **bearer(pair["access"])) == 401
    assert Browser().send("POST", "/api/auth/refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert browser.send("POST", "/api/auth/logout", {}).status_code == 401


def test_logout_ends_the_admins_session(root, client):
    client.force_login(root)
    assert me(client) == "root"

    assert client.post("/api/auth/logout", {}, "application/json").status_code == 204
    assert me(client) == 401


@pytest.mark.parametrize("change", ["password", "inactive", "deleted"])
def test_tokens_end_with_their_user(alice, change):
    pair = jwts.issue(alice)
    if change == "password":
        alice.set_password("another horse 48")
        alice.save()
    elif change == "inactive":
        alice.is_active = False
        alice.save()
    else:
        alice.delete()

    assert me(Browser(), **bearer(pair.access)) == 401
    assert Browser().send("POST", "/api/auth/refresh", {"refresh": pair.refresh}).status_code == 401


def test_an_expired_token_is_refused_in_these_words(alice, monkeypatch):
    monkeypatch.setattr(jwts.Access, "lifetime", timedelta(seconds=-1))
    access = jwts.issue(alice).access

    answer = Browser().get(ME, headers=bearer(access))

    assert (answer.status_code, answer.json()) == (401, {"detail": "The token has expired."})
    assert answer["www-authenticate"]


@pytest.mark.parametrize("token", ["x", "fai_" + "x" * 43, "", "é", "a.b.c", "null"])
def test_any_other_bearer_is_refused(db, token):
    assert me(Browser(), authorization=f"Bearer {token}") == 401


def test_a_client_key_is_told_what_api_takes(db):
    answer = Browser().get(ME, headers=bearer("fai_" + "x" * 43))

    assert "X-Admin-Token" in answer.json()["detail"]


def test_an_expired_cookie_does_not_stand_in_the_sessions_way(root, client):
    client.force_login(root)
    client.cookies["freeai_access"] = "of.another.day"

    assert me(client) == "root"


def test_no_row_holds_a_token_that_opens(browser, alice):
    pair = browser.sign_in("alice").json()
    browser.send("POST", "/api/auth/refresh", {}, **browser.csrf())

    rows = repr(list(ClosedToken.objects.values()))

    assert ClosedToken.objects.count() == 1
    assert not any(part in rows for token in pair.values() for part in token.split(".")[1:])


def test_what_has_ended_is_purged(db):
    now = timezone.now()
    for number, ends_at in enumerate((now - timedelta(seconds=1), now + timedelta(minutes=1))):
        ClosedToken.objects.create(jti=str(number), ends_at=ends_at)
        AttemptCount.objects.create(key=str(number), ends_at=ends_at)

    tasks.purge_sign_ins()

    assert ClosedToken.objects.get().jti == AttemptCount.objects.get().key == "1"
