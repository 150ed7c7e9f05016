"""freeai.logs: lines are lost and counted, never raised and never waited for."""

import asyncio
import gc
import io
import json
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.test import RequestFactory
from prometheus_client import REGISTRY

from freeai import logs
from freeai.logs import LogStream


def lost() -> float:
    return REGISTRY.get_sample_value("freeai_log_lines_lost_total") or 0.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, io.TextIOWrapper]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    with open(write, "w") as file:
        yield read, file


@pytest.fixture
def configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """The file that stands in for stderr, and structlog as it was afterwards. The parameter is the style."""
    before = structlog.get_config()
    handlers = logging.getLogger().handlers[:]
    path = tmp_path / "log"
    with path.open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        logs.configure("info", getattr(request, "param", "json"))
        yield path
    logging.captureWarnings(False)
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def test_a_warning_of_a_library_is_a_line_like_others(configured: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("over\nseveral lines", RuntimeWarning, stacklevel=1)

    (line,) = configured.read_text().splitlines()
    assert json.loads(line)["level"] == "warning"
    assert "RuntimeWarning: over\nseveral lines" in json.loads(line)["event"]


def test_lines_arrive_whole_and_at_once(pipe):
    read, file = pipe

    LogStream(file).write("one\n")

    assert os.read(read, 100) == b"one\n"


def test_a_closed_pipe_loses_lines_and_counts_them(pipe):
    read, file = pipe
    os.close(read)
    stream, before = LogStream(file), lost()

    stream.write("one\n")
    stream.write("two\nthree\n")

    assert lost() - before == 3


def test_what_a_slow_reader_did_not_take_follows_with_the_next_line(pipe):
    read, file = pipe
    stream, before = LogStream(file), lost()
    lines = [f"{number:0999}\n" for number in range(200)]  # three times what a pipe holds

    for line in lines:
        stream.write(line)
    received = b""
    for _ in lines:
        received += os.read(read, 2**20) if received.count(b"\n") < 200 else b""
        stream.write("")

    assert received.decode() == "".join(lines)
    assert lost() == before


def test_a_reader_that_never_reads_costs_a_bounded_memory(pipe, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logs, "WAITING_BYTES", 5_000)
    _, file = pipe
    stream, before = LogStream(file), lost()

    for _ in range(100):
        stream.write("x" * 999 + "\n")

    assert len(stream._waiting) <= 6_000
    assert 20 < lost() - before < 40


def test_a_process_without_stderr_loses_its_lines():
    before = lost()

    LogStream(None).write("one\n")

    assert lost() - before == 1


@pytest.mark.parametrize("value", [2**70, "half a pair \ud800", {1: 2}, object(), float("nan"), {"a", "b"}])
def test_any_value_can_be_logged(configured: Path, value: object):
    structlog.get_logger("any").info("said", value=value)

    assert json.loads(configured.read_text())["event"] == "said"


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def test_a_value_that_cannot_be_rendered_costs_its_line_only(configured: Path):
    before = lost()

    structlog.get_logger("any").info("said", value=Unspeakable())
    record = logging.LogRecord("any", logging.ERROR, "", 0, "said %s", (Unspeakable(),), None)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logs.SafeHandler):
            handler.emit(record)
    structlog.get_logger("any").info("afterwards")

    assert lost() - before == 2
    assert [json.loads(line)["event"] for line in configured.read_text().splitlines()] == ["afterwards"]


PROMPT = "what nobody may read in a log"
KEY = "fai_" + "k" * 43


def fail(text: str) -> None:
    """As a fault of ours does that has what was sent in its text."""
    try:
        os.environ[text]
    except KeyError:
        raise ValueError(f"invalid literal: {text!r}") from OSError(28, text)


@pytest.mark.parametrize("configured", ["json", "console"], indirect=True)
@pytest.mark.parametrize("logger", [structlog.get_logger("ours"), logging.getLogger("theirs")])
def test_an_exception_is_told_by_its_type_and_place_and_not_in_its_words(configured: Path, logger: Any):
    try:
        fail(PROMPT)
    except ValueError:
        logger.exception("it failed")

    told = configured.read_text()
    assert PROMPT not in told
    assert "builtins.ValueError" in told and "OSError ENOSPC" in told
    assert "in fail" in told and "it failed" in told


def test_a_circle_of_causes_has_an_end(configured: Path):
    first, second = ValueError(PROMPT), KeyError(PROMPT)
    first.__cause__, second.__cause__ = second, first

    structlog.get_logger("any").error("it failed", exc_info=first)

    assert (
        json.loads(configured.read_text())["exception"] == "builtins.ValueError\ncaused by\nbuiltins.KeyError"
    )


def test_what_a_library_says_has_no_query_and_no_key(configured: Path, rf: RequestFactory):
    request = rf.get("/api/clients", {"api_key": PROMPT})

    logging.getLogger("django.request").warning(
        "Not Found: %s", f"/api/clients/{KEY}", extra={"request": request}
    )

    told = configured.read_text()
    assert json.loads(told)["event"] == "Not Found: /api/clients/***"
    assert PROMPT not in told


def test_a_task_that_nobody_awaited_is_told_without_its_words(configured: Path):
    async def forget() -> None:
        task = asyncio.create_task(asyncio.to_thread(fail, PROMPT))
        await asyncio.wait([task])

    asyncio.run(forget())
    gc.collect()

    told = configured.read_text()
    assert "never retrieved" in told
    assert PROMPT not in told


class Collecting:
    """A poll in whose midst garbage is collected, whose destructor logs: of a task that nobody awaited, or an answer that nobody closed."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream
        self._said = False

    def poll(self, _timeout: int) -> list[tuple[int, int]]:
        if not self._said:
            self._said = True
            self._stream.write("destroyed\n")
        return [(1, 4)]


def test_a_line_from_inside_of_a_write_follows_it(pipe, monkeypatch):
    read, file = pipe
    stream = LogStream(file)
    monkeypatch.setattr(stream, "_room", Collecting(stream))
    writing = threading.Thread(target=stream.write, args=("one\n",), daemon=True)

    writing.start()
    writing.join(5.0)

    assert not writing.is_alive()
    assert os.read(read, 100) == b"one\ndestroyed\n"


def test_a_line_of_ours_says_what_the_chain_of_processors_says(configured: Path):
    log = structlog.get_logger("ours")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        log.info("said", number=1, worker=7)
        log.exception("failed", exc_info=ValueError(PROMPT))
        log.bind(who="me").warning("%s of %s", 1, 2)

    said, failed, warned = map(json.loads, configured.read_text().splitlines())
    assert list(said) == ["number", "worker", "event", "request_id", "level", "timestamp"]
    assert (said["number"], said["worker"], said["request_id"], said["level"]) == (1, 7, "r-1", "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", said["timestamp"])
    assert (failed["level"], failed["exception"]) == ("error", "builtins.ValueError")
    assert (warned["level"], warned["event"], warned["who"]) == ("warning", "1 of 2", "me")


def test_a_disk_that_takes_half_a_line_gets_the_rest_later(configured: Path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:5]))

    structlog.get_logger("ours").info("said")

    assert json.loads(configured.read_text())["event"] == "said"
