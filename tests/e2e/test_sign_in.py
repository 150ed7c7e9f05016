"""From the set-up code to a signed-in browser, against a real `manage.py serve`."""

import json
import re
import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e import plain, server
from tests.e2e.server import Server

PASSWORD = "correct horse 47"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An installation whose first administrator comes by the code of the log."""
    running = server.start(tmp_path_factory.mktemp("code"), "--no-tasks", FREEAI_FIRST_ADMIN="code")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(fresh: Server) -> Iterator[httpx.Client]:
    with plain.Client(base_url=fresh.url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def boss(fresh: Server, browser: httpx.Client) -> dict[str, str]:
    """The administrator, made with the code and signed in in `browser`."""
    assert "admin token" not in fresh.console and "password" not in fresh.console
    shown = re.search(r"code[^A-Z2-7]*([A-Z2-7]{6}(?:-[A-Z2-7]{6}){3})", fresh.console)
    assert shown, fresh.console
    assert browser.get("/api/setup/status").json() == {"needs_setup": True}
    form = {"code": shown[1], "username": "boss", "password": PASSWORD}
    assert browser.post("/api/setup/first-admin", json=form).status_code == 201
    assert browser.post("/api/setup/first-admin", json=form).status_code == 409
    answer = browser.post("/api/auth/login", json={"username": "boss", "password": PASSWORD})
    assert answer.status_code == 200
    return answer.json()


def csrf(browser: httpx.Client) -> dict[str, str]:
    return {"x-csrftoken": browser.cookies["csrftoken"]}


def test_the_cookie_jar_is_signed_in_and_changes_things_with_the_csrf_token(
    browser: httpx.Client, boss: dict[str, str]
):
    assert browser.get("/api/auth/me").json()["role"] == "admin"
    assert browser.patch("/api/config", json={"connect_timeout_s": 7}).status_code == 403

    answer = browser.patch("/api/config", json={"connect_timeout_s": 7}, headers=csrf(browser))

    assert (answer.status_code, answer.json()["connect_timeout_s"]) == (200, 7.0)


def test_the_change_is_in_the_audit(fresh: Server, browser: httpx.Client, boss: dict[str, str]):
    browser.patch("/api/config", json={"connect_timeout_s": 8}, headers=csrf(browser))

    with sqlite3.connect(fresh.data_dir / "freeai.sqlite3") as database:
        rows = database.execute(
            "SELECT additional_data, remote_addr, changes FROM auditlog_logentry ORDER BY id DESC LIMIT 1"
        ).fetchall()

    signature, address, changes = rows[0]
    assert json.loads(signature) == {"via": "api", "by": "boss"}
    assert address == "127.0.0.1"
    assert list(json.loads(changes)) == ["connect_timeout_s"]


def test_a_new_default_strategy_is_in_effect_without_a_restart(browser: httpx.Client, boss: dict[str, str]):
    headers = csrf(browser)
    key = browser.post("/api/clients", json={"name": "app"}, headers=headers).json()["api_key"]
    assert (
        browser.patch("/api/config", json={"default_strategy": "cheapest"}, headers=headers).status_code
        == 200
    )

    answer = browser.post(
        "/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "Hi"}]},
        headers={"Authorization": f"Bearer {key}"},
    )

    assert answer.headers["x-freeai-strategy"] == "cheapest"


def test_refreshing_and_signing_out(fresh: Server, browser: httpx.Client, boss: dict[str, str]):
    renewed = browser.post("/api/auth/refresh", json={}, headers=csrf(browser))
    left = browser.post("/api/auth/logout", json={}, headers=csrf(browser))

    assert (renewed.status_code, left.status_code) == (200, 204)
    assert browser.get("/api/auth/me").status_code == 401
    stolen = plain.get(
        f"{fresh.url}/api/auth/me", headers={"Authorization": f"Bearer {renewed.json()['access']}"}
    )
    assert stolen.status_code == 401
    assert stolen.json() == {"detail": "The token was signed out."}


def test_no_secret_of_a_sign_in_is_in_the_log_or_the_database(fresh: Server, boss: dict[str, str]):
    console = (fresh.data_dir / "console.log").read_text()
    stored = b"".join(
        path.read_bytes() for path in fresh.data_dir.glob("freeai.sqlite3*") if not path.name.endswith("-shm")
    )

    for secret in (PASSWORD, *(token.split(".")[2] for token in boss.values())):
        assert secret not in console
        assert secret.encode() not in stored
