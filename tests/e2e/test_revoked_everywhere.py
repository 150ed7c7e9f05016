"""A client key that is in constant use is revoked, and opens nothing a second later, in any of four processes on one database."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.e2e import plain, server
from tests.e2e.entrances import manage
from tests.e2e.postgres import Database, database
from tests.e2e.server import START_TIMEOUT_S, free_port
from tests.e2e.surroundings import ROOT, clean_env

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

PROCESSES = 4
A_SECOND = 1.0
ADMIN_TOKEN = "an-admin-token-of-the-test-" + "x" * 8
BODY = {"model": "sandbox/ok", "messages": [{"role": "user", "content": "Hi"}]}


class User(threading.Thread):
    """Asks one process with one key. `answered`, `refused`: when the last answered request was sent, and the first refused one; `slowest`:
    how long an answer took at most, in seconds."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self.answers = 0
        self.answered = self.refused = self.slowest = 0.0
        self.odd: list[str] = []

    def run(self) -> None:
        with plain.Client(headers=self._headers, timeout=30) as http:
            while not self.refused and not self.odd:
                sent = time.time()
                response = http.post(f"{self._url}/v1/chat/completions", json=BODY)
                self.slowest = max(self.slowest, time.time() - sent)
                if response.status_code == 200:
                    self.answers += 1
                    self.answered = sent
                elif response.status_code == 401 and "revoked" in response.text:
                    self.refused = sent
                else:
                    self.odd.append(response.text[:300])
                time.sleep(0.02)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, dict[str, str], list[str]]]:
    """The database, the environment of its processes, and their URLs."""
    folder = tmp_path_factory.mktemp("fleet")
    with database() as postgres, ExitStack() as stack:
        env = {
            "FREEAI_DATABASE_URL": postgres.url,
            "FREEAI_MASTER_KEYS": Fernet.generate_key().decode(),
            "FREEAI_SECRET_KEY": "of the fleet " * 5,
            "FREEAI_ADMIN_TOKEN": ADMIN_TOKEN,
        }
        assert manage("setup", data_dir=folder / "0", **env).returncode == 0
        urls = [stack.enter_context(process(folder / str(number), env)) for number in range(PROCESSES)]
        for url in urls:
            server.wait_until(lambda url=url: answers(url), PROCESSES * START_TIMEOUT_S)
        yield postgres, env, urls


@contextmanager
def process(data_dir: Path, env: dict[str, str]) -> Iterator[str]:
    """Its URL; it may not answer yet."""
    port = free_port()
    data_dir.mkdir(exist_ok=True)
    with (data_dir / "console.log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.unlocked", str(port)],
            cwd=ROOT,
            env=clean_env() | env | {"FREEAI_DATA_DIR": str(data_dir)},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(30)


def answers(url: str) -> bool:
    try:
        return plain.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def issued(url: str) -> tuple[str, str]:
    """A fresh key and its hash."""
    body = plain.post(
        f"{url}/api/clients", json={"name": "used"}, headers={"X-Admin-Token": ADMIN_TOKEN}
    ).json()
    return body["api_key"], body["key_hash"]


@pytest.mark.parametrize("by", ["api", "command"])
def test_a_key_in_use_stops_within_a_second_in_each_process(fleet, tmp_path: Path, by: str):
    postgres, env, urls = fleet
    key, key_hash = issued(urls[0])
    server.wait_until(lambda: all(opens(url, key) for url in urls))
    users = [User(url, key) for url in urls for _ in range(2)]
    for each in users:
        each.start()
    server.wait_until(lambda: all(each.answers > 20 for each in users), 60)

    if by == "api":
        revoke = plain.delete(
            f"{urls[1]}/api/clients/{key_hash}", headers={"X-Admin-Token": ADMIN_TOKEN}, timeout=30
        )
        assert revoke.status_code == 204
    else:  # a process that serves nothing
        assert manage("revoke_client_key", key_hash, data_dir=tmp_path, **env).returncode == 0
    for each in users:
        each.join(30)

    since = postgres.value(
        f"SELECT extract(epoch FROM revoked_at) FROM clients_clientkey WHERE key_hash = '{key_hash}'"  # noqa: S608 - a hash
    )
    late = [round(each.answered - float(since), 3) for each in users]
    assert [each.odd for each in users if each.odd] == []
    assert all(each.refused for each in users)
    assert max(late) < A_SECOND + max(each.slowest for each in users), (
        late
    )  # a machine that has no time takes it from all


def opens(url: str, key: str) -> bool:
    return (
        plain.get(f"{url}/v1/models?all=true", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    )
