"""freeai.logs: lines are lost and counted, never raised and never waited for."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
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
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that stands in for stderr, and structlog as it was afterwards."""
    before = structlog.get_config()
    handlers = logging.getLogger().handlers[:]
    path = tmp_path / "log"
    with path.open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        logs.configure("info", "json")
        yield path
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


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
