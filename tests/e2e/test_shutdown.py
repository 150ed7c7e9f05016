"""SIGTERM while requests are open: every client is told within the grace, without a traceback, and the ledger says why."""

import signal
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

from fakes import FakeUpstream
from tests.e2e import server
from tests.e2e.server import Server

GRACE_S = 2


@pytest.fixture
def stopping(data_dir: Path, upstream: FakeUpstream) -> Server:
    """A gateway with a short grace, and a provider whose streams last for minutes."""
    upstream.default_behaviour = "frames_10000_20"
    running = server.start(
        data_dir, "--no-tasks", FREEAI_SHUTDOWN_GRACE_S=str(GRACE_S), FREEAI_LOG_FORMAT="json"
    )
    running.api("PATCH", "providers/groq", json={"base_url": upstream.url("groq")})
    running.api("PATCH", "me/providers/groq", json={"api_key": "key-of-groq-0123456789"})
    return running


def test_open_streams_are_ended_properly(stopping: Server):
    streams = [Stream(stopping) for _ in range(5)]
    for stream in streams:
        stream.begun.wait(10)

    began = time.monotonic()
    stopping.process.send_signal(signal.SIGTERM)
    for stream in streams:
        stream.join(GRACE_S + 5)
    lasted_s = time.monotonic() - began

    assert stopping.process.wait(10) is not None
    for stream in streams:
        assert stream.failure is None
        assert stream.lines[-1] == "data: [DONE]"
        assert sum('"error"' in line for line in stream.lines) == 1
        assert "shutting_down" in stream.lines[-2]
    assert lasted_s <= GRACE_S + 0.3
    log = (stopping.data_dir / "console.log").read_text()
    assert "Traceback" not in log
    assert "CancelledError" not in log
    with sqlite3.connect(stopping.data_dir / "freeai.sqlite3") as database:
        ended = database.execute("SELECT outcome, error_kind, upstream_status FROM usage_events").fetchall()
    assert ended == [("cancelled", "shutdown", 200)] * 5


def test_a_stream_that_ends_in_time_is_left_alone(stopping: Server, upstream: FakeUpstream):
    upstream.default_behaviour = "frames_40_20"
    stream = Stream(stopping)
    stream.begun.wait(10)

    stopping.process.send_signal(signal.SIGTERM)
    stream.join(10)
    stopping.process.wait(10)

    assert (stream.failure, stream.lines[-1]) == (None, "data: [DONE]")
    assert not any('"error"' in line for line in stream.lines)


class Stream(threading.Thread):
    """A client that reads a stream to its end. `begun`: the first frame is here. `failure`: how the body broke."""

    def __init__(self, gateway: Server) -> None:
        super().__init__(daemon=True)
        self._gateway = gateway
        self.begun = threading.Event()
        self.lines: list[str] = []
        self.failure: httpx.TransportError | None = None
        self.start()

    def run(self) -> None:
        body = {"stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {self._gateway.client_key}"}
        url = f"{self._gateway.url}/v1/chat/completions"
        try:
            with httpx.stream("POST", url, json=body, headers=headers, timeout=30) as response:
                for line in response.iter_lines():
                    if line:
                        self.lines.append(line)
                        self.begun.set()
        except httpx.TransportError as error:
            self.failure = error
