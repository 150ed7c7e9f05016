"""What is written in one process is seen in all four workers within a second, and mostly at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

import httpx
import psutil
import pytest

from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server
from tests.e2e import plain
from tests.e2e.postgres import database
from tests.e2e.server import Server, wait_until
from tests.e2e.test_workers import WORKERS, ready, serving, workers

pytestmark = [pytest.mark.slow, pytest.mark.redis, pytest.mark.postgres, needs_server]

A_SECOND = 1.0
MOSTLY = 0.25
ROUNDS = 4
MOST_TRIES = 200
Seen = Callable[[httpx.Client], bool]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("seen")
    with servers.running(folder) as redis, database() as postgres:
        env = {"FREEAI_STATE": redis.url, "FREEAI_DATABASE_URL": postgres.url}
        with serving(folder / "data", "--no-tasks", "--workers", str(WORKERS), **env) as started:
            wait_until(lambda: ready(started) == WORKERS, 60)
            yield started


@pytest.fixture
def of_each(gateway: Server) -> Iterator[list[httpx.Client]]:
    """A connection to each of the workers."""
    with ExitStack() as stack:
        found: dict[int, httpx.Client] = {}
        for _ in range(MOST_TRIES):
            http = stack.enter_context(plain.Client(base_url=gateway.url, timeout=30))
            with http.stream("GET", "/livez") as answer:
                near = answer.extensions["network_stream"].get_extra_info("client_addr")
                answer.read()
            found.setdefault(served_by(gateway, near), http)
            if len(found) == WORKERS:
                break
        assert len(found) == WORKERS
        yield [*found.values()]


def served_by(gateway: Server, near: tuple[str, int]) -> int:
    """Which of them has the other end."""
    for pid in workers(gateway):
        if any(each.raddr == near for each in psutil.Process(pid).net_connections("tcp")):
            return pid
    raise AssertionError(f"nobody is connected to {near}")


class Sight(NamedTuple):
    """How long after the change was answered the last of them had seen it, how long the answer took, and another one at most: seconds."""

    lasted: float
    change: float
    slowest: float


def until_all(of_each: list[httpx.Client], seen: Seen, change: Callable[[], object]) -> Sight:
    assert not any(seen(http) for http in of_each)
    began = time.monotonic()
    change()
    changed = time.monotonic()
    waiting, slowest = [*of_each], 0.0
    while waiting:
        assert time.monotonic() < began + 20, "it was not seen at all"
        for http in [*waiting]:
            asked = time.monotonic()
            if seen(http):
                waiting.remove(http)
            slowest = max(slowest, time.monotonic() - asked)
    return Sight(time.monotonic() - changed, changed - began, slowest)


def check(measured: list[Sight]) -> None:
    """A machine that has no time takes it from all: a round of questions is forgiven."""
    assert all(each.lasted < A_SECOND + WORKERS * each.slowest for each in measured), measured
    assert median(each.lasted - WORKERS * each.slowest for each in measured) < MOSTLY, measured


def test_a_revoked_key(gateway: Server, of_each: list[httpx.Client]):
    measured: list[Sight] = []
    for _ in range(ROUNDS):
        made = gateway.api("POST", "clients", json={"name": "to be revoked"}).json()
        headers = {"Authorization": f"Bearer {made['api_key']}"}

        def refused(http: httpx.Client, headers: dict[str, str] = headers) -> bool:
            return http.get("/v1/models?all=true", headers=headers).status_code == 401

        wait_until(lambda refused=refused: not any(map(refused, of_each)))
        measured.append(
            until_all(
                of_each, refused, lambda made=made: gateway.api("DELETE", f"clients/{made['key_hash']}")
            )
        )
    check(measured)


def test_a_new_strategy_and_one_that_goes(gateway: Server, of_each: list[httpx.Client]):
    headers = {"Authorization": f"Bearer {gateway.client_key}"}

    def there(http: httpx.Client) -> bool:
        return "freeai-of-mine" in http.get("/v1/models?all=true", headers=headers).text

    measured: list[Sight] = []
    for _ in range(ROUNDS):
        body = {"name": "of-mine", "description": "", "definition": {"prefer": []}}
        measured.append(
            until_all(of_each, there, lambda body=body: gateway.api("POST", "strategies", json=body))
        )
        measured.append(
            until_all(
                of_each, lambda http: not there(http), lambda: gateway.api("DELETE", "strategies/of-mine")
            )
        )
    check(measured)


def test_a_provider_that_is_switched_off_and_on(gateway: Server, of_each: list[httpx.Client]):
    headers = {"Authorization": f"Bearer {gateway.client_key}"}

    def unknown(http: httpx.Client) -> bool:
        return "sandbox/ok" not in http.get("/v1/models?all=true", headers=headers).text

    measured = [
        until_all(
            of_each, unknown, lambda: gateway.api("PATCH", "providers/sandbox", json={"enabled": False})
        ),
        until_all(
            of_each,
            lambda http: not unknown(http),
            lambda: gateway.api("PATCH", "providers/sandbox", json={"enabled": True}),
        ),
    ]
    check(measured)


def test_a_setting(gateway: Server, of_each: list[httpx.Client]):
    headers = {"Authorization": f"Bearer {gateway.client_key}"}
    body = {"model": "named-by-an-operator", "input": "Hi"}

    def known(http: httpx.Client) -> bool:
        return http.post("/v1/responses", headers=headers, json=body).status_code == 200

    measured: list[Sight] = []
    for _ in range(ROUNDS):
        for names, seen in (
            ("named-by-* = sandbox/ok", known),
            ("", lambda http: not known(http)),
        ):
            change = {"model_names": names}
            measured.append(
                until_all(of_each, seen, lambda change=change: gateway.api("PATCH", "config", json=change))
            )
    check(measured)
