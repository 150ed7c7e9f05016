"""kill -9 and a new start: refused keys stay in quarantine, spent quotas closed, client keys counted. And what ends a quarantine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import FakeUpstream
from tests.e2e import plain, server
from tests.e2e.server import Server

GOOD, BAD = "gsk_" + "g" * 40, "bad-key-0123456789abcdef"
MODEL = "groq/openai/gpt-oss-120b"


STARTED: list[Server] = []


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test that fails leaves no gateway behind."""
    yield
    while STARTED:
        STARTED.pop().kill()


def serving(data_dir: Path, upstream: FakeUpstream, key: str) -> Server:
    """A gateway with one provider, the fake Groq."""
    running = server.start(data_dir, "--no-tasks")
    STARTED.append(running)
    assert running.api("PATCH", "providers/groq", json={"base_url": upstream.url("groq")}).status_code == 200
    store(running, key)
    return running


def store(running: Server, key: str) -> None:
    answer = running.api("PATCH", "me/providers/groq", json={"api_key": key, "max_retries": 0})
    assert answer.status_code == 200, answer.text


def restarted(running: Server) -> Server:
    running.kill()
    again = server.start(running.data_dir, "--no-tasks", console=running.console)
    STARTED.append(again)
    return again


def chat(running: Server, key: str | None = None, model: str = MODEL) -> httpx.Response:
    return plain.post(
        f"{running.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key or running.client_key}"},
        json={"model": model, "messages": [{"role": "user", "content": "Hi"}]},
        timeout=20,
    )


def groq(running: Server) -> dict[str, Any]:
    state: dict[str, Any] = running.api("GET", "providers/groq").json()
    return state


def test_quarantine_outlives_a_kill_says_what_to_do_and_ends_with_a_new_key(
    data_dir: Path, upstream: FakeUpstream
):
    running = serving(data_dir, upstream, BAD)
    chat(running)
    running = restarted(running)

    answer, state = chat(running), groq(running)
    store(running, GOOD)
    mended = chat(running)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_healthy_provider")
    assert (state["healthy"], state["unhealthy_reason"]) == (False, "quarantine")
    for text in (answer.json()["error"]["message"], state["unhealthy_detail"]):
        assert "401" in text
        assert "PATCH /api/me/providers/groq" in text
    assert mended.status_code == 200
    assert (groq(running)["unhealthy_reason"], groq(running)["unhealthy_detail"]) == (None, None)
    log = (data_dir / "console.log").read_text()
    assert BAD not in log


def test_key_stored_while_nothing_ran_is_trusted(data_dir: Path, upstream: FakeUpstream):
    running = serving(data_dir, upstream, GOOD)
    upstream.script("groq", ["error_401"])
    chat(running)
    closed = chat(running).status_code
    running.api("POST", "me/providers/groq/test")
    open_again = chat(running)
    again = restarted(running)

    assert (closed, open_again.status_code, chat(again).status_code) == (503, 200, 200)


def test_good_test_closes_an_open_breaker_at_once(data_dir: Path, upstream: FakeUpstream):
    running = serving(data_dir, upstream, GOOD)
    upstream.script("groq", ["error_500"] * 3)
    for _ in range(3):
        chat(running)
    opened = groq(running)["unhealthy_reason"]

    tested = running.api("POST", "me/providers/groq/test").json()

    assert (opened, tested["ok"]) == ("breaker", True)
    assert chat(running).status_code == 200


def test_spent_day_outlives_a_kill(data_dir: Path, upstream: FakeUpstream):
    running = serving(data_dir, upstream, GOOD)
    upstream.script("groq", ["error_429_day"])
    first = chat(running)
    running = restarted(running)

    second = chat(running)

    assert (first.status_code, second.status_code) == (429, 429)
    waits = [int(answer.headers["retry-after"]) for answer in (first, second)]
    assert 0 <= waits[0] - waits[1] < 60


def test_requests_of_a_client_key_outlive_a_kill(data_dir: Path, upstream: FakeUpstream):
    running = serving(data_dir, upstream, GOOD)
    key = running.api("POST", "clients", json={"name": "app", "rpm_limit": 2}).json()["api_key"]
    statuses = [chat(running, key).status_code for _ in range(2)]
    running = restarted(running)

    refused = chat(running, key)

    assert (statuses, refused.status_code) == ([200, 200], 429)
    assert int(refused.headers["retry-after"]) <= 61
