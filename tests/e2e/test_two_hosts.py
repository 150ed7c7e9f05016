"""Two hosts behind a balancer, one of which loses Redis and nothing else: what an account may have holds, but for the share of the one that
is cut off, and no request fails that has quota."""

import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.fernet import Fernet

from fakes import FakeUpstream
from fakes.limits import Limits
from tests.core.fleet import servers
from tests.core.fleet.hosts import Hosts, needs_hosts, two_hosts
from tests.core.fleet.servers import needs_server
from tests.e2e import nginx, plain, server
from tests.e2e.postgres import Database, Proxy, database
from tests.e2e.server import Server, free_port, wait_until
from tests.providers.probed import running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.redis,
    needs_server,
    needs_hosts,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx: apt-get install nginx-light"),
    pytest.mark.timeout(240),
]

LIMIT = 240
PLENTY = 10**9
LIMITS = {
    "requests": {"day": LIMIT, "minute": PLENTY},
    "tokens": {"day": PLENTY, "minute": PLENTY},
}
CLIENTS, PAUSE_S = 8, 0.1
SEASONED_S = 4.0
WITHOUT_REDIS_S = 6.0
MODEL = "groq/openai/gpt-oss-120b"


class Site:
    """Both gateways, what they stand on, and the balancer's address."""

    def __init__(self, hosts: Hosts, gateways: list[Server], postgres: Database, url: str) -> None:
        self.hosts, self.gateways, self.postgres, self.url = hosts, gateways, postgres, url
        self.ends: Counter[int | str] = Counter()

    def ask_until(self, over: threading.Event) -> None:
        """As one client after the other does."""
        key = {"Authorization": f"Bearer {self.gateways[0].client_key}"}
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
        with plain.Client(base_url=self.url, headers=key, timeout=30) as client:
            while not over.is_set():
                try:
                    self.ends[client.post("/v1/chat/completions", json=body).status_code] += 1
                except httpx.HTTPError as error:
                    self.ends[type(error).__name__] += 1
                over.wait(PAUSE_S)

    def mode(self, number: int) -> str:
        """Where it counts."""
        return str(self.gateways[number].api("GET", "providers").json()[0]["state_store"])

    def attempts(self) -> int:
        """What the ledger says."""
        with psycopg.connect(self.postgres.url) as connection:
            ((count,),) = connection.execute(
                "SELECT count(*) FROM usage_events WHERE outcome = 'success'"
            ).fetchall()
        return int(count)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        hosts, postgres = stack.enter_context(two_hosts()), stack.enter_context(database())
        redis = stack.enter_context(_redis(hosts, tmp_path))
        wire = stack.enter_context(closing(Proxy(hosts.here)))
        shared: dict[str, Any] = {
            "FREEAI_DATABASE_URL": postgres.over(wire),
            "FREEAI_STATE": f"redis://{hosts.there}:{redis}/0",
            "FREEAI_MASTER_KEYS": Fernet.generate_key().decode(),
            "FREEAI_SECRET_KEY": "0123456789abcdef" * 3,
            "FREEAI_ALLOWED_HOSTS": ",".join(hosts.address(number) for number in (0, 1)),
        }
        gateways: list[Server] = []
        for number in (0, 1):
            console = gateways[0].console if gateways else ""
            gateways.append(_start(hosts, number, tmp_path, console, shared))
            stack.callback(gateways[-1].kill)
        fake = stack.enter_context(running(lambda: FakeUpstream(host=hosts.here)))
        fake.limit(
            "groq", Limits(requests_per_minute=PLENTY, requests_per_day=PLENTY, tokens_per_minute=PLENTY)
        )
        told = {
            "providers/groq": {"base_url": fake.url("groq")},
            "me/providers/groq": {"api_key": "gsk_" + "k" * 32, "limits": LIMITS},
        }
        for path, what in told.items():
            answer = gateways[0].api("PATCH", path, json=what)
            assert answer.is_success, answer.text
        balancer = stack.enter_context(_balancer(tmp_path, [each.url for each in gateways]))
        yield Site(hosts, gateways, postgres, balancer)


def _start(hosts: Hosts, number: int, folder: Path, console: str, env: dict[str, Any]) -> Server:
    return server.start(
        folder / f"host{number}",
        "--no-tasks",
        console=console,
        host=hosts.address(number),
        before=hosts.on(number),
        **env,
    )


@contextmanager
def _redis(hosts: Hosts, folder: Path) -> Iterator[int]:
    assert servers.REDIS is not None
    port = free_port()
    options = ("--port", str(port), "--save", "", "--dir", str(folder), "--protected-mode", "no")
    with subprocess.Popen(
        [servers.REDIS, *options, "--bind", hosts.there], stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield port
        finally:
            process.kill()


@contextmanager
def _balancer(folder: Path, urls: list[str]) -> Iterator[str]:
    """nginx, in turns. Its address."""
    port = free_port()
    hosts = " ".join(f"server {url.removeprefix('http://')};" for url in urls)
    turns = f"upstream gateways {{ {hosts} }} server {{ listen 127.0.0.1:{port};"
    command = nginx.command(
        folder, f"{turns} location / {{ proxy_set_header Host localhost; proxy_pass http://gateways; }} }}"
    )
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _answers(url), 20)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return plain.get(f"{url}/livez", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_host_that_loses_redis_takes_no_more_than_its_share(site: Site):
    time.sleep(SEASONED_S)
    over = threading.Event()
    clients = [threading.Thread(target=site.ask_until, args=(over,)) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    wait_until(lambda: sum(site.ends.values()) >= LIMIT // 4, 60)
    assert set(site.ends) == {200}, site.ends

    site.hosts.cut(1, site.hosts.there)
    wait_until(lambda: site.mode(1) == "away", 20)
    before = site.ends[200]
    time.sleep(WITHOUT_REDIS_S)
    meanwhile = site.ends[200] - before
    site.hosts.mend(1, site.hosts.there)
    wait_until(lambda: site.mode(1) == "redis", 30)
    wait_until(lambda: site.ends[429] > 2 * CLIENTS, 120)
    over.set()
    for each in clients:
        each.join()

    assert meanwhile > 0
    assert set(site.ends) == {200, 429}, site.ends
    assert LIMIT <= site.ends[200] <= LIMIT + LIMIT // 2, site.ends
    wait_until(lambda: site.attempts() == site.ends[200], 30)
