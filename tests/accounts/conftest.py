"""Users of every kind, and `/api` as a browser and as a script reach it."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

PASSWORD = "correct horse 47"
ME = "/api/auth/me"


def me(client, **headers):
    answer = client.get(ME, headers=headers)
    return answer.json()["username"] if answer.status_code == 200 else answer.status_code


def bearer(token):
    return {"authorization": f"Bearer {token}"}


class Browser(Client):
    """A cookie jar that must send its CSRF token, as browsers must."""

    def __init__(self, **options):
        super().__init__(enforce_csrf_checks=True, **options)

    def csrf(self):
        self.get("/api/auth/status")
        return {"x-csrftoken": self.cookies["csrftoken"].value}

    def send(self, method, path, body=None, **headers):
        return self.generic(
            method,
            path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers=headers,
        )

    def sign_in(self, username, password=PASSWORD):
        return self.send("POST", "/api/auth/login", {"username": username, "password": password})


@pytest.fixture
def browser():
    return Browser()


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture
def staff(db):
    return get_user_model().objects.create_user("staff", password=PASSWORD, is_staff=True)


@pytest.fixture
def root(db):
    return get_user_model().objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def at(monkeypatch):
    """Set the clock: `at(60)` is a minute after the start."""
    start = 1_800_000_000.0

    def set_to(seconds):
        monkeypatch.setattr("apps.core.clock.now", lambda: start + seconds)

    set_to(0)
    return set_to
