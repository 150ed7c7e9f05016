"""Secrets planted everywhere, every behaviour driven: none of them turns up where it does not belong."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import orjson
import pytest

from fakes import NAMED, FakeUpstream
from tests.e2e import server
from tests.e2e.server import Server

PROVIDER_KEY = "CANARY-provider-key-0123456789abcdef"
ADMIN_TOKEN = "CANARY-admin-token-0123456789abcdef"
METRICS_TOKEN = "CANARY-metrics-token-0123456789abcdef"
PROMPT = "CANARY-prompt-0123456789abcdef"
SLOW = {"stall", "stall_headers", "stall_after_content", "slow", "big_event"}
STATUSES = (200, 302, 400, 401, 403, 404, 413, 422, 429, 500, 503)
API_PAGES = (
    *("clients", "clients?all=true", "me/providers", "me/providers/groq"),
    *("providers", "providers/groq", "strategies", "strategies/auto"),
)
ADMIN_PAGES = (
    *("", "providers/provider/", "providers/credential/", "clients/clientkey/", "clients/admintoken/"),
    *("providers/credential/1/change/", "clients/clientkey/2/change/", "analytics/usageeventrow/"),
)


class Parrot(BaseHTTPRequestHandler):
    """An upstream that repeats the key and the prompt in whatever it answers, with the status that the path names."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = f"Incorrect key {self.headers['Authorization']} for {sent}"
        body = orjson.dumps({"error": {"message": said, "type": said, "code": said, "param": said}})
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def parrot() -> Iterator[str]:
    """The parrot's origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway that logs everything it can, with canaries for tokens and for groq's key."""
    running = server.start(
        tmp_path_factory.mktemp("canaries"),
        "--no-tasks",
        FREEAI_LOG_LEVEL="debug",
        FREEAI_ADMIN_TOKEN=ADMIN_TOKEN,
        FREEAI_METRICS_TOKEN=METRICS_TOKEN,
    )
    stored = running.api("PATCH", "me/providers/groq", json={"api_key": PROVIDER_KEY, "limits": unlimited()})
    assert stored.status_code == 200, stored.text
    yield running
    running.stop()


def unlimited() -> dict:
    units = dict.fromkeys(("second", "minute", "hour", "day", "month"), 0)
    return {"requests": units, "tokens": units}


@pytest.mark.slow
def test_no_secret_turns_up_where_it_does_not_belong(planted: Server, upstream: FakeUpstream, parrot: str):
    issued = planted.api("POST", "clients", json={"name": "canary"}).json()["api_key"]
    keys = (PROVIDER_KEY, ADMIN_TOKEN, METRICS_TOKEN, issued, planted.admin_token)

    answers = every_behaviour(planted, upstream, issued) + every_refusal(planted, parrot, issued)
    pages = every_page(planted)
    files = everything_written(planted)

    assert any(PROMPT in answer for answer in answers), "the canary sings: the search itself works"
    assert found(answers, keys) == []
    assert found(pages, (*keys, PROMPT)) == []
    assert found(files, (PROVIDER_KEY, ADMIN_TOKEN, METRICS_TOKEN, issued, PROMPT)) == []


def every_behaviour(gateway: Server, upstream: FakeUpstream, key: str) -> list[str]:
    """What a client is told, streamed and whole, under every behaviour of the fakes that ends soon."""
    answers = []
    for behaviour in sorted(set(NAMED) - SLOW):
        for stream in (False, True):
            fresh_key(gateway, upstream.url("groq"))
            upstream.default_behaviour = behaviour
            answers.append(ask(gateway, key, stream))
    return answers


def every_refusal(gateway: Server, parrot: str, key: str) -> list[str]:
    """What a client and a key test are told when the upstream repeats key and prompt."""
    answers = []
    for status in STATUSES:
        for stream in (False, True):
            fresh_key(gateway, f"{parrot}/{status}")
            answers.append(ask(gateway, key, stream))
        answers.append(gateway.api("POST", "me/providers/groq/test", json={}).text)
    return answers


def fresh_key(gateway: Server, base_url: str) -> None:
    """Point groq at `base_url`. The key is stored anew, which forgives it what the upstream said of it."""
    assert gateway.api("PATCH", "providers/groq", json={"base_url": base_url}).status_code == 200
    assert gateway.api("PATCH", "me/providers/groq", json={"api_key": PROVIDER_KEY}).status_code == 200


def ask(gateway: Server, key: str, stream: bool) -> str:
    """Status line, headers and body of one chat completion, pinned to groq."""
    response = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}", "X-FreeAI-Explain": "true"},
        json={
            "model": "groq/llama-3.3-70b-versatile",
            "stream": stream,
            "messages": [{"role": "user", "content": PROMPT}],
        },
        timeout=30,
    )
    return text_of(response)


def every_page(gateway: Server) -> list[str]:
    """`/api`, its refusals, metrics, probes, and the admin site."""
    request = {"messages": [{"role": "user", "content": PROMPT}]}
    wrong = {"X-Admin-Token": PROMPT}
    pages = [gateway.api("GET", path) for path in API_PAGES]
    pages += [gateway.api("POST", "explain", json=request)]
    pages += [httpx.get(f"{gateway.url}/api/clients", headers=wrong)]
    pages += [httpx.get(f"{gateway.url}/v1/models", headers={"Authorization": f"Bearer {PROMPT}"})]
    pages += [httpx.get(f"{gateway.url}/readyz"), httpx.get(f"{gateway.url}/metrics")]
    metrics = httpx.get(f"{gateway.url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert "freeai_provider_calls_total" in metrics.text
    return [text_of(page) for page in [*pages, metrics, *admin_pages(gateway)]]


def admin_pages(gateway: Server) -> list[httpx.Response]:
    password = re.search(r"password\s+(\S+)", gateway.console)
    assert password
    with httpx.Client(base_url=gateway.url, follow_redirects=True) as browser:
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', browser.get("/admin/login/").text)
        assert token
        form = {"username": "admin", "password": password[1], "csrfmiddlewaretoken": token[1]}
        browser.post("/admin/login/", data=form, headers={"Referer": f"{gateway.url}/admin/login/"})
        pages = [browser.get(f"/admin/{path}") for path in ADMIN_PAGES]
    assert {page.status_code for page in pages} == {200}
    return pages


def everything_written(gateway: Server) -> list[str]:
    """Every file of the data directory but the secrets' own: log, database with its journal, spool."""
    log = gateway.data_dir / "console.log"
    assert log.read_text().count("chat/completions") > len(NAMED), "the log is being written"
    with sqlite3.connect(gateway.data_dir / "freeai.sqlite3") as database:
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    files = [path for path in gateway.data_dir.rglob("*") if path.is_file() and is_ours(path)]
    return [path.read_bytes().decode("latin-1") for path in files]


def is_ours(path: Path) -> bool:
    return path.parent.name not in ("secrets", "static")


def text_of(response: httpx.Response) -> str:
    return f"{response.status_code} {response.headers} {response.text}"


def found(texts: list[str], canaries: tuple[str, ...]) -> list[str]:
    """Each canary that some text holds, with its surroundings."""
    return [
        text[max(0, text.find(canary) - 200) : text.find(canary) + 100]
        for text in texts
        for canary in canaries
        if canary in text
    ]
