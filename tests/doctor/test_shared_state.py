"""Where quotas are counted: each thing that makes a Redis unfit for it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from apps.core import clock
from apps.core.state.redis.names import VERSION, Names
from apps.gateway.process import database_lock, one_database
from freeai.doctor import shared_state
from freeai.doctor.findings import Finding
from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server
from tests.doctor.conftest import Examine

pytestmark = [pytest.mark.django_db, needs_server]

NAMES = Names(VERSION, "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def counted(server: servers.Server, settings: Any) -> Iterator["redis.Redis"]:
    """In a Redis of the test's own, which is empty; tasks are elsewhere."""
    settings.FREEAI_STATE, settings.FREEAI_REDIS_URL = server.url, server.url.replace("/0", "/5")
    client: redis.Redis = redis.Redis.from_url(server.url)
    client.flushall()
    yield client
    client.config_set("maxmemory-policy", "noeviction")
    client.replicaof("NO", "ONE")
    client.close()


def said(found: list[Finding]) -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in found if each.level != "ok"]


def test_one_that_is_fit(examine: Examine, counted: "redis.Redis"):
    assert [each.level for name in ("state", "beside") for each in examine(name)] == ["ok", "ok"]


def test_one_that_is_not_there(examine: Examine, settings: Any):
    settings.FREEAI_STATE, settings.FREEAI_REDIS_URL = "redis://127.0.0.1:1/1", "redis://127.0.0.1:1/0"

    [(level, text)] = said(examine("state"))

    assert level == "error" and "does not answer" in text


def test_one_that_evicts_or_only_replicates(examine: Examine, counted: "redis.Redis"):
    counted.config_set("maxmemory-policy", "allkeys-lru")
    counted.replicaof("127.0.0.1", "1")

    texts = [text for level, text in said(examine("state")) if level == "error"]

    assert len(texts) == 2
    assert "replica" in texts[0] and "allkeys-lru" in texts[1]


@pytest.mark.parametrize("version", ["5.0.14", "2.8"])
def test_one_that_is_too_old(version: str):
    [(level, text)] = said(list(shared_state._of_its_kind({"redis_version": version})))

    assert level == "error" and version in text


@pytest.mark.parametrize("version", ["6.0.16", "7.2.4", "8.0", ""])
def test_one_that_is_new_enough(version: str):
    assert said(list(shared_state._of_its_kind({"redis_version": version}))) == []


def test_clocks_that_are_apart(examine: Examine, counted: "redis.Redis", monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clock, "now", lambda: time.time() + 30)

    [(level, text)] = said(examine("state"))

    assert level == "warning" and "30 s apart" in text


def test_settings_that_do_not_go_together(examine: Examine, counted: "redis.Redis", settings: Any):
    settings.FREEAI_REDIS_URL = settings.FREEAI_STATE
    same = said(examine("state"))
    settings.FREEAI_REDIS_URL = ""
    none = said(examine("state"))
    settings.FREEAI_STATE, settings.FREEAI_WORKERS = "memory", 4
    many = said(examine("state"))

    assert [level for level, _ in same + none + many] == ["warning", "warning", "error"]


def test_a_gateway_that_counts_by_itself(
    examine: Examine, counted: "redis.Redis", monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database_lock, "holder", lambda: "freeai gateway, host one, pid 1")

    [(level, text)] = said(examine("beside"))

    assert level == "error" and "host one" in text


def test_gateways_that_count_for_another_database(examine: Examine, counted: "redis.Redis"):
    counted.set(NAMES.of_all("database"), "freeai.sqlite3 on another host")
    counted.zadd(NAMES.of_all("processes"), {"one that lives": time.time()})

    [(level, text)] = said(examine("beside"))
    with pytest.raises(one_database.AnotherDatabaseError, match=r"another host.*FREEAI_DATABASE_URL"):
        one_database.claim()

    assert level == "error" and "another host" in text


def test_who_comes_when_none_of_them_lives_has_it(counted: "redis.Redis", tmp_path: Path):
    counted.set(NAMES.of_all("database"), "freeai.sqlite3 on another host")
    counted.zadd(NAMES.of_all("processes"), {"one that died": time.time() - 60})

    one_database.claim()
    one_database.claim()

    assert counted.get(NAMES.of_all("database")) == one_database.identity().encode()
