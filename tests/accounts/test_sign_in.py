"""Signing in to `/api`: cookies, Bearer, CSRF, rotation, the end of every token."""

import threading

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import identify_hasher
from django.core.cache import cache

from apps.accounts import sign_in
from apps.accounts.hashers import BoundedArgon2
from apps.accounts.models import AttemptCount
from apps.accounts.throttle import PER_NAME
from tests.accounts.conftest import ME, PASSWORD, Browser, bearer, me

pytestmark = pytest.mark.django_db


def test_login_answers_both_tokens_and_sets_them_as_cookies(browser, alice):
    answer = browser.sign_in("alice")

    access, refresh = answer.cookies["freeai_access"], answer.cookies["freeai_refresh"]
    assert (answer.status_code, answer["cache-control"]) == (200, "no-store")
    assert answer.json() == {"access": access.value, "refresh": refresh.value}
    assert [(each["httponly"], each["samesite"]) for each in (access, refresh)] == [(True, "Strict")] * 2
    assert (access["path"], access["max-age"]) == ("/api", 15 * 60)
    assert (refresh["path"], refresh["max-age"]) == ("/api/auth", 7 * 24 * 3600)
    assert me(browser) == me(Browser(), **bearer(access.value)) == "alice"


def test_cookies_are_secure_behind_https(browser, alice, settings):
    settings.SESSION_COOKIE_SECURE = True

    answer = browser.sign_in("alice")

    assert answer.cookies["freeai_access"]["secure"] and answer.cookies["freeai_refresh"]["secure"]


@pytest.mark.parametrize(
    ("username", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("alice", " ")]
)
def test_what_is_wrong_is_told_in_the_same_words(browser, alice, django_user_model, username, password):
    django_user_model.objects.create_user("gone", password=PASSWORD, is_active=False)

    answer = browser.sign_in(username, password)

    assert (answer.status_code, answer.json()) == (401, {"detail": "Wrong name or password."})
    assert not answer.cookies


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "alice"}, "password"),
        ({"username": "alice", "password": 5}, "password"),
        ({"username": "a\0", "password": "x"}, "username"),
        ({"username": "alice", "password": "x", "remember": True}, "remember"),
    ],
)
def test_what_is_malformed_is_named(browser, db, body, field):
    answer = browser.send("POST", "/api/auth/login", body)

    assert answer.status_code == 400
    assert field in answer.json()["detail"]


def test_unknown_names_cost_as_many_hashes_as_known_ones(
    browser, alice, django_user_model, monkeypatch, settings
):
    settings.PASSWORD_HASHERS = ["apps.accounts.hashers.BoundedArgon2"]
    alice.set_password(PASSWORD)
    alice.save()
    django_user_model.objects.create_user("inactive", password=PASSWORD, is_active=False)
    django_user_model.objects.create_user("by-single-sign-on")  # has none
    made: list[str] = []

    class Counted(BoundedArgon2):
        def encode(self, password, salt):
            made.append("encoded")
            return super().encode(password, salt)

        def verify(self, password, encoded):
            made.append("verified")
            return super().verify(password, encoded)

    monkeypatch.setattr("apps.accounts.hashers.BoundedArgon2", Counted)
    settings.PASSWORD_HASHERS = ["apps.accounts.hashers.BoundedArgon2"]  # anew: Django keeps what it has read
    for name in ("alice", "nobody", "inactive", "by-single-sign-on"):
        browser.sign_in(name)

    assert made == ["verified", "encoded", "verified", "encoded"]


def test_passwords_are_hashed_by_argon2(settings, django_user_model):
    settings.PASSWORD_HASHERS = ["apps.accounts.hashers.BoundedArgon2"]

    user = django_user_model(username="new")
    user.set_password(PASSWORD)

    hasher = identify_hasher(user.password)
    assert (hasher.algorithm, hasher.decode(user.password)["memory_cost"]) == ("argon2", 64 * 1024)
    assert user.check_password(PASSWORD) and not user.check_password("wrong")


def test_login_and_the_admin_site_share_one_throttle(browser, root):
    cache.clear()
    for _ in range(PER_NAME):
        assert browser.sign_in("root", "wrong").status_code == 401

    answer = browser.sign_in("root")
    page = Browser()
    form = page.get("/admin/login/")
    shown = page.post(
        "/admin/login/",
        {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": form.context["csrf_token"]},
    )

    assert answer.status_code == 429
    assert 1 <= int(answer["retry-after"]) <= 900
    assert f"Try again in {answer['retry-after']} seconds" in answer.json()["detail"]
    assert "Too many attempts to sign in" in shown.content.decode()
    assert shown.status_code == 429 and 1 <= int(shown["retry-after"]) <= 900
    assert "sessionid" not in page.cookies


def test_failures_in_the_admin_site_close_the_api(browser, root, client):
    for _ in range(PER_NAME):
        client.post("/admin/login/", {"username": "root", "password": "wrong"})

    assert browser.sign_in("root").status_code == 429


def test_the_admin_site_signs_in(root, client):
    answer = client.post("/admin/login/?next=/admin/", {"username": "root", "password": PASSWORD})

    assert (answer.status_code, answer["location"]) == (302, "/admin/")
    assert me(client) == "root"


def test_a_crowd_at_the_door_is_turned_away_and_counts_for_nothing(browser, alice, monkeypatch):
    monkeypatch.setattr(sign_in, "WAIT_S", 0.01)
    monkeypatch.setattr(sign_in, "_doors", threading.BoundedSemaphore(1))

    with sign_in._doors:
        crowded = browser.sign_in("alice")

    assert crowded.status_code == 429
    assert not AttemptCount.objects.exists()
    assert browser.sign_in("alice").status_code == 200


def test_status_is_public_and_tells_who_one_is(browser, root, alice):
    nobody = {"authenticated": False, "username": None, "role": None}
    assert browser.get("/api/auth/status").json() == nobody
    assert browser.get("/api/auth/status", headers=bearer("nonsense")).json() == nobody

    browser.sign_in("alice")
    other = Browser()
    other.sign_in("root")

    assert browser.get("/api/auth/status").json() == {
        "authenticated": True,
        "username": "alice",
        "role": "user",
    }
    assert other.get("/api/auth/status").json()["role"] == "admin"


def test_me_tells_staff_what_they_may(staff, django_user_model):
    from django.contrib.auth.models import Group, Permission

    group = Group.objects.create(name="readers")
    group.permissions.add(Permission.objects.get(codename="view_provider"))
    staff.groups.add(group)
    browser = Browser()
    browser.sign_in("staff")

    assert browser.get(ME).json() == {
        "id": staff.pk,
        "username": "staff",
        "email": "",
        "role": "user",
        "is_staff": True,
        "groups": ["readers"],
        "permissions": ["providers.view_provider"],
    }


def test_a_name_is_read_as_it_was_stored(browser, db):
    get_user_model().objects.create_user("alice", password=PASSWORD)

    assert browser.sign_in("ａlice").status_code == 200


def test_the_form_of_another_password_is_closed_by_it_too(client, root):
    client.force_login(root)
    guess = {
        "old_password": "wrong",
        "new_password1": "staple correct 48",
        "new_password2": "staple correct 48",
    }

    answers = [client.post("/admin/password_change/", guess) for _ in range(PER_NAME + 1)]

    assert [answer.status_code for answer in answers] == [200] * PER_NAME + [429]
    assert 1 <= int(answers[-1]["retry-after"]) <= 900


def test_an_admin_token_as_bearer_is_told_where_it_belongs(browser, db):
    answer = browser.send("GET", ME, **bearer("fai_admin_0123456789"))

    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "This is an admin token: send it as X-Admin-Token, without Bearer."},
    )
