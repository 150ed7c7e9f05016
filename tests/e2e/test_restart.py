"""A start after a death: quotas are right at the first answer, and the ledger is filled behind it."""

import sqlite3
import time
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from apps.analytics.events import UsageEvent
from apps.analytics.spool import Spool
from apps.core.ids import uuid7
from tests.e2e import plain, server
from tests.e2e.server import Server, wait_until

SPOOLED = 20_000
RESERVED = 1_024  # for an answer of a model that has not given any yet
CEILING = 6_000


def test_quotas_are_right_at_once_and_the_ledger_soon(data_dir: Path):
    first = server.start(data_dir, "--no-tasks")
    first.kill()
    leave_behind(data_dir)

    restarted = server.start(data_dir, "--no-tasks", console=first.console)
    answered = restarted.chat().status_code
    used = of_the_sandbox(restarted)
    in_ledger, depth = rows(restarted), restarted.metric("freeai_spool_depth")

    assert answered == 200
    assert used[0] == SPOOLED + 1
    assert in_ledger < SPOOLED
    assert depth > 0
    wait_until(lambda: restarted.metric("freeai_spool_depth") == 0, 60)
    assert rows(restarted) == SPOOLED + 1
    assert of_the_sandbox(restarted) == used
    assert restarted.stop() == 0


def test_what_a_killed_request_had_reserved_stays_charged(data_dir: Path):
    first = server.start(data_dir, "--no-tasks")
    begin_and_kill(first)

    for _ in range(2):  # by the spool at the first start, by the ledger at the second
        restarted = server.start(data_dir, "--no-tasks", console=first.console)
        requests, tokens = of_the_sandbox(restarted)
        wait_until(partial(has_rows, restarted, 1))
        restarted.stop()

        assert requests == 1
        assert RESERVED <= tokens <= RESERVED + 200


def begin_and_kill(running: Server) -> None:
    """kill -9 in the middle of an answer."""
    body = {
        "model": "sandbox/stall_after_content",
        "stream": True,
        "max_tokens": CEILING,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    headers = {"Authorization": f"Bearer {running.client_key}"}
    with plain.stream(
        "POST", f"{running.url}/v1/chat/completions", json=body, headers=headers, timeout=30
    ) as answer:
        lines = answer.iter_lines()  # held: closed, it would be a client that leaves
        next(lines)
        time.sleep(0.2)
        running.kill()


def leave_behind(data_dir: Path) -> None:
    """The spool of a process that died with everything in it."""
    spool = Spool(data_dir / "spool")
    now = time.time()
    for number in range(SPOOLED):
        event = UsageEvent(
            id=uuid7(),
            at=now - 30 + number * 20 / SPOOLED,
            request_id=f"req_{number}",
            user_id=1,
            provider="sandbox",
            model="sandbox-chat",
            outcome="interrupted",
            prompt_tokens=10,
        )
        spool.begin(event)
        spool.end(replace(event, outcome="success", completion_tokens=5, latency_ms=3.0))
    spool.close()


def of_the_sandbox(running: Server) -> tuple[int, int]:
    row = running.api("GET", "providers/sandbox").json()
    return row["requests_today"], row["tokens_today"]


def has_rows(running: Server, count: int) -> bool:
    return rows(running) == count


def rows(running: Server) -> int:
    with sqlite3.connect(running.data_dir / "freeai.sqlite3") as database:
        return int(database.execute("SELECT count(*) FROM usage_events").fetchone()[0])
