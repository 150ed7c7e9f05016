"""Two gateways that count in one Redis: what one grants the other knows, with Redis and without it; a third on another database is none."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.fernet import Fernet

from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server
from tests.e2e import server
from tests.e2e.entrances import manage
from tests.e2e.server import Server, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.redis, needs_server]

RPM = 12
SEASONED_S = 10.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[servers.Server]:
    with servers.running(tmp_path) as started:
        yield started


@pytest.fixture
def fleet(tmp_path: Path, redis: servers.Server) -> Iterator[tuple[Server, Server]]:
    """On one database, with the same secrets."""
    shared: dict[str, Any] = {
        "FREEAI_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
        "FREEAI_STATE": redis.url,
        "FREEAI_MASTER_KEYS": Fernet.generate_key().decode(),
        "FREEAI_SECRET_KEY": "0123456789abcdef" * 3,
    }
    first = server.start(tmp_path / "first", "--no-tasks", **shared)
    second = server.start(tmp_path / "second", "--no-tasks", console=first.console, **shared)
    yield first, second
    for each in (first, second):
        if each.process.poll() is None:
            each.kill()


def limit(gateway: Server, rpm: int) -> None:
    [key] = gateway.api("GET", "clients").json()
    assert gateway.api("PATCH", f"clients/{key['key_hash']}", json={"rpm_limit": rpm}).status_code == 200


def began_at(gateway: Server) -> float:
    return psutil.Process(gateway.process.pid).create_time()


def store_of(gateway: Server) -> str:
    return gateway.api("GET", "providers").json()[0]["state_store"]


def limits_of(gateway: Server) -> int:
    return int(gateway.chat().headers.get("x-ratelimit-limit-requests", 0))


def test_a_client_keys_limit_holds_for_both_and_redis_may_come_and_go(
    fleet: tuple[Server, Server], redis: servers.Server
):
    first, second = fleet
    limit(first, 100 * RPM)
    wait_until(lambda: limits_of(second) == 100 * RPM)
    limit(first, RPM)
    wait_until(lambda: limits_of(second) == RPM, 10)
    wait_until(lambda: first.chat().status_code == 429 and second.chat().status_code == 429, 30)

    limit(first, 100 * RPM)
    wait_until(lambda: limits_of(second) == 100 * RPM, 10)
    wait_until(lambda: time.time() - began_at(second) > SEASONED_S, 20)  # who came lately has no share
    wait_until(lambda: (store_of(first), store_of(second)) == ("redis", "redis"), 30)

    redis.kill()
    during = [gateway.chat().status_code for _ in range(5) for gateway in fleet]
    assert during == [200] * 10
    assert (store_of(first), store_of(second)) == ("away", "away")

    redis.start()
    wait_until(lambda: (store_of(first), store_of(second)) == ("redis", "redis"), 30)
    assert [gateway.chat().status_code for gateway in fleet] == [200, 200]


def test_a_gateway_on_another_database_is_refused_in_words(
    fleet: tuple[Server, Server], redis: servers.Server, tmp_path: Path
):
    ended = manage("serve", "--no-tasks", data_dir=tmp_path / "third", FREEAI_STATE=redis.url)

    assert ended.returncode == 1
    assert "for another database (shared.sqlite3" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [gateway.chat().status_code for gateway in fleet] == [200, 200]


def test_one_that_counts_by_itself_is_refused_beside_a_fleet_and_may_follow_it(
    fleet: tuple[Server, Server], tmp_path: Path
):
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"

    ended = manage("serve", "--no-tasks", data_dir=tmp_path / "third", FREEAI_DATABASE_URL=url)

    assert ended.returncode == 1
    assert "counts the quotas in Redis" in ended.stderr and "FREEAI_STATE" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [gateway.chat().status_code for gateway in fleet] == [200, 200]
    for each in fleet:
        each.kill()
    last = server.start(tmp_path / "third", "--no-tasks", console=fleet[0].console, FREEAI_DATABASE_URL=url)
    last.kill()
