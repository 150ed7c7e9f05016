"""Four web processes of one `serve`: they share what is counted, and one may die or be replaced without anybody noticing."""

import json
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from fakes import FakeUpstream
from tests.core.fleet import servers
from tests.core.fleet.servers import needs_server
from tests.docker.inventory import background_work
from tests.e2e import plain, server
from tests.e2e.entrances import manage
from tests.e2e.load import Load
from tests.e2e.server import Server, wait_until
from tests.e2e.test_shutdown import Stream

pytestmark = [pytest.mark.slow, pytest.mark.redis, needs_server]

WORKERS = 4
GRACE_S = 3
DAY = 60
"""Requests that the provider takes in a day."""
ASKED = 3 * DAY


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def env(redis: servers.Server) -> dict[str, str]:
    redis.ask("FLUSHALL")
    return {
        "FREEAI_STATE": redis.url,
        "FREEAI_LOG_FORMAT": "json",
        "FREEAI_SHUTDOWN_GRACE_S": str(GRACE_S),
    }


@pytest.fixture
def gateway(data_dir: Path, env: dict[str, str]) -> Iterator[Server]:
    with serving(data_dir, "--no-tasks", "--workers", str(WORKERS), **env) as started:
        wait_until(lambda: ready(started) == WORKERS, 120)
        yield started


@contextmanager
def serving(data_dir: Path, *options: str, console: str = "", **env: Any) -> Iterator[Server]:
    started = server.start(data_dir, *options, console=console, **env)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.stop()


def ready(gateway: Server) -> int:
    """How many say that they count."""
    text = scrape(gateway)
    return sum(
        float(line.split()[1]) for line in text.splitlines() if line.startswith("freeai_state_store_mode{")
    )


def scrape(gateway: Server) -> str:
    return plain.get(f"{gateway.url}/metrics", timeout=10).text


def workers(gateway: Server) -> set[int]:
    return {each.pid for each in psutil.Process(gateway.process.pid).children()}


def said(gateway: Server, event: str) -> list[dict]:
    """The lines of the log that tell of it."""
    lines = (gateway.data_dir / "console.log").read_text().splitlines()
    return [line for line in map(json.loads, filter(is_json, lines)) if line["event"] == event]


def is_json(line: str) -> bool:
    return line.startswith("{")


def wrong(gateway: Server, env: dict[str, str]) -> list[dict]:
    """What the doctor finds wrong in what is counted."""
    port = gateway.url.rpartition(":")[2]
    told = manage("doctor", "--ledger", "--json", data_dir=gateway.data_dir, **env | {"FREEAI_PORT": port})
    return [each for each in json.loads(told.stdout) if each["level"] == "error"]


def test_they_share_a_quota_and_none_is_granted_twice(gateway: Server, env, upstream: FakeUpstream):
    upstream.default_behaviour = "ok"
    gateway.api("PATCH", "providers/groq", json={"base_url": upstream.url("groq")})
    limits = {"rpm_limit": 0, "rpd_limit": DAY, "tpd_limit": 0}
    stored = gateway.api("PATCH", "me/providers/groq", json={"api_key": "key-of-groq-0123456789"} | limits)
    assert stored.status_code == 200, stored.text
    time.sleep(1.5)  # every worker has the key by then

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: gateway.chat(model="groq/openai/gpt-oss-20b"), range(ASKED)))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == DAY, (
        statuses,
        [a.text for a in answers if a.status_code not in (200, 429)][:2],
    )
    assert {line["worker"] for line in said(gateway, "request")} == {*range(1, WORKERS + 1)}
    wait_until(lambda: gateway.metric("freeai_spool_depth") == 0)
    assert wrong(gateway, env) == []


def test_an_answer_is_known_to_whichever_is_asked_next(gateway: Server):
    def asked(**fields: Any) -> httpx.Response:
        return plain.post(
            f"{gateway.url}/v1/responses",
            json={"model": "freeai-auto", **fields},
            headers={"Authorization": f"Bearer {gateway.client_key}"},
            timeout=30,
        )

    first = asked(input="One?").json()
    next_ones = [asked(input="Two?", previous_response_id=first["id"]) for _ in range(12)]

    assert first["store"] is True
    assert [each.status_code for each in next_ones] == [200] * 12, next_ones[0].text
    assert len({line["worker"] for line in said(gateway, "request")}) > 1


def test_one_that_is_killed_comes_back_and_nothing_is_lost_or_counted_twice(gateway: Server, env):
    load = Load()
    with load.on(gateway):
        load.more(100)
        for _ in range(3):
            before = workers(gateway)
            psutil.Process(min(before)).kill()
            wait_until(
                lambda before=before: len(workers(gateway)) == WORKERS and workers(gateway) != before, 30
            )
            wait_until(lambda: ready(gateway) == WORKERS, 30)
            load.more(100)

    assert set(load.outcomes) <= {200, "RemoteProtocolError", "ReadError", "ConnectError"}
    assert load.outcomes.total() - load.outcomes[200] <= 3 * 3  # what each client had under way there
    assert [line["reason"] for line in said(gateway, "worker.ended")] == ["signal 9"] * 3
    wait_until(
        lambda: gateway.outcomes()["success"] >= load.outcomes[200], 30
    )  # who follows writes what was left
    assert gateway.outcomes()["success"] <= load.outcomes.total()
    wait_until(lambda: gateway.metric("freeai_spool_depth") == 0)
    assert wrong(gateway, env) == []


def test_all_are_replaced_without_a_request_that_fails(gateway: Server, env):
    kept = Load()
    fresh: list[int] = []
    with kept.on(gateway), ThreadPoolExecutor(4) as pool:
        kept.more(50)
        before = workers(gateway)
        gateway.process.send_signal(signal.SIGHUP)
        while workers(gateway) & before:
            fresh += pool.map(lambda _: gateway.chat().status_code, range(8))
        kept.more(50)

    assert set(kept.outcomes) == {200}, kept.wrong[:2]
    assert set(fresh) == {200} and len(fresh) > 20
    assert len(workers(gateway)) == WORKERS
    assert len(said(gateway, "worker.renewed")) == WORKERS
    assert said(gateway, "worker.ended") == said(gateway, "worker.killed") == []
    wait_until(lambda: gateway.metric("freeai_spool_depth") == 0)
    assert wrong(gateway, env) == []


def test_where_nobody_can_follow_those_who_serve_go_on(gateway: Server, redis: servers.Server):
    before = workers(gateway)
    redis.kill()
    try:
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(said(gateway, "worker.not_renewed")), 90)

        assert gateway.chat().status_code == 200
        assert workers(gateway) == before
        assert "Redis" in said(gateway, "worker.not_renewed")[0]["reason"]
    finally:
        redis.start()


def test_the_end_of_all_ends_open_streams_in_words(gateway: Server, upstream: FakeUpstream):
    upstream.default_behaviour = "frames_10000_20"
    gateway.api("PATCH", "providers/groq", json={"base_url": upstream.url("groq")})
    gateway.api("PATCH", "me/providers/groq", json={"api_key": "key-of-groq-0123456789"})
    time.sleep(1.5)  # every worker has the key by then
    streams = [Stream(gateway) for _ in range(8)]
    for stream in streams:
        assert stream.begun.wait(20)

    began = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    for stream in streams:
        stream.join(GRACE_S + 5)
    code = gateway.process.wait(15)

    assert code == 0
    assert time.monotonic() - began < GRACE_S + 5
    assert [stream.failure for stream in streams] == [None] * 8
    assert all(
        stream.lines[-1] == "data: [DONE]" and "shutting_down" in stream.lines[-2] for stream in streams
    )
    log = (gateway.data_dir / "console.log").read_text()
    assert "Traceback" not in log


def test_they_end_with_their_parent(gateway: Server, env):
    left = [psutil.Process(pid) for pid in workers(gateway)]

    gateway.kill()
    _, alive = psutil.wait_procs(left, timeout=GRACE_S + 10)

    assert alive == []
    with serving(gateway.data_dir, "--no-tasks", "--workers", "2", console=gateway.console, **env) as again:
        assert again.chat().status_code == 200


def test_celery_is_the_parents(data_dir: Path, env: dict[str, str]):
    with serving(data_dir, "--workers", "2", **env) as gateway:
        wait_until(lambda: len(workers(gateway)) == 3 and ready(gateway) == 2, 60)
        wait_until(lambda: 'freeai_background_up{task="celery"} 1.0' in scrape(gateway), 30)
        told = set(re.findall(r'^freeai_background_up\{task="(\w+)"', scrape(gateway), re.MULTILINE))
        assert told - background_work() == set()
        children = psutil.Process(gateway.process.pid).children()
        celery = next(each for each in children if "freeai.embedded" in " ".join(each.cmdline()))

        celery.kill()

        wait_until(lambda: plain.get(f"{gateway.url}/readyz").status_code == 503)
        wait_until(lambda: plain.get(f"{gateway.url}/readyz").status_code == 200, 30)
        last = psutil.Process(gateway.process.pid).children()
        assert gateway.stop() == 0
        assert psutil.wait_procs(last, timeout=0)[1] == []


def test_more_than_one_is_refused_without_redis(data_dir: Path):
    ended = manage("serve", "--no-tasks", "--workers", "2", data_dir=data_dir)

    assert ended.returncode == 2
    assert "FREEAI_STATE" in ended.stderr and "Traceback" not in ended.stderr
