"""kill -9 under load: every answered request has its usage event, once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.e2e import plain, server
from tests.e2e.server import Server

CLIENTS = 8
KILL_AFTER = 150


def test_every_answered_request_is_in_the_ledger_once(data_dir: Path):
    running = server.start(data_dir, "--no-tasks")
    answered: list[str] = []

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(CLIENTS):
            pool.submit(ask_until_it_dies, running, answered)
        while len(answered) < KILL_AFTER:
            assert running.process.poll() is None
        running.kill()
    restarted = server.start(data_dir, "--no-tasks", console=running.console)
    assert restarted.stop() == 0

    with sqlite3.connect(data_dir / "freeai.sqlite3") as database:
        rows = dict(
            database.execute(
                "SELECT request_id, count(*) FROM usage_events WHERE outcome = 'success' GROUP BY request_id"
            )
        )
        states = dict(database.execute("SELECT outcome, count(*) FROM usage_events GROUP BY outcome"))
    assert set(answered) <= set(rows)
    assert set(rows.values()) == {1}
    assert states.get("interrupted", 0) <= CLIENTS
    assert list((data_dir / "spool").rglob("*.jsonl")) == []


def ask_until_it_dies(running: Server, answered: list[str]) -> None:
    with plain.Client(headers={"Authorization": f"Bearer {running.client_key}"}) as client:
        while True:
            try:
                response = client.post(
                    f"{running.url}/v1/chat/completions",
                    json={"messages": [{"role": "user", "content": "Hi"}]},
                )
            except httpx.TransportError:
                return
            if response.status_code == 200:
                answered.append(response.headers["x-request-id"])
