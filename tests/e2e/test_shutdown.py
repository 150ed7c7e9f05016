"""SIGTERM while requests are open: every client is told within the grace, without a traceback, and the ledger says why."""

import signal
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

from fakes import FakeUpstream
from tests.e2e import plain, server
from tests.e2e.server import Server

pytestmark = pytest.mark.timeout(300)  # most of it a start, on a machine with much else to do

GRACE_S = 2
MANY = 200
SLACK_S = 10
"""For two hundred clients on the machine of the gateway to read what they were sent."""


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


@pytest.mark.slow
def test_two_hundred_open_streams_end_or_are_told_and_all_are_recorded(
    stopping: Server, upstream: FakeUpstream
):
    """Some of them end in time, the others are told within the grace; nobody's connection breaks."""
    own = {"name": "own", "base_url": upstream.url("openai"), "default_model": "endless"}  # without any limit
    assert stopping.api("POST", "providers", json=own).status_code == 201
    stopping.api("PATCH", "me/providers/own", json={"api_key": "key-of-own-0123456789"})
    long: list[Stream] = []
    short: list[Stream] = []
    for behaviour, streams in (("frames_1000_200", long), ("frames_12_200", short)):
        upstream.default_behaviour = behaviour
        streams += [Stream(stopping, "own/endless") for _ in range(MANY // 2)]
        for stream in streams:
            assert stream.begun.wait(60)

    began = time.monotonic()
    stopping.process.send_signal(signal.SIGTERM)
    for stream in (*short, *long):
        stream.join(60)
    lasted_s = time.monotonic() - began

    assert stopping.process.wait(30) is not None
    assert [stream.failure for stream in (*short, *long)] == [None] * MANY
    assert {stream.lines[-1] for stream in (*short, *long)} == {"data: [DONE]"}
    assert all("shutting_down" in stream.lines[-2] for stream in long)
    assert lasted_s <= GRACE_S + SLACK_S
    assert "Traceback" not in (stopping.data_dir / "console.log").read_text()
    outcomes = stopping.outcomes()
    assert outcomes["cancelled"] >= len(long)
    assert set(outcomes) <= {"cancelled", "success"}
    assert sum(outcomes.values()) == MANY


class Stream(threading.Thread):
    """A client that reads a stream to its end. `begun`: the first frame is here. `failure`: how the body broke."""

    def __init__(self, gateway: Server, model: str = "freeai-auto") -> None:
        super().__init__(daemon=True)
        self._model = model
        self._gateway = gateway
        self.begun = threading.Event()
        self.lines: list[str] = []
        self.failure: httpx.TransportError | None = None
        self.start()

    def run(self) -> None:
        body = {"model": self._model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {self._gateway.client_key}"}
        url = f"{self._gateway.url}/v1/chat/completions"
        try:
            with plain.stream("POST", url, json=body, headers=headers, timeout=30) as response:
                for line in response.iter_lines():
                    if line:
                        self.lines.append(line)
                        self.begun.set()
        except httpx.TransportError as error:
            self.failure = error
