"""A log that cannot be written: every answer is what it would be, and everything is accounted for."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e import plain, server
from tests.e2e.server import Server, wait_until


class Output:
    """A descriptor for stdout and stderr that works while the gateway starts, and not after `spoil`."""

    def __init__(self) -> None:
        self._read, self.descriptor = os.pipe()

    def spoil(self) -> None:
        raise NotImplementedError


class ClosedPipe(Output):
    """`| head -n 1`, after its line."""

    def spoil(self) -> None:
        os.close(self._read)


class StalledPipe(Output):
    """A reader that stopped reading: the pipe is full, and stays so."""

    def spoil(self) -> None:
        os.set_blocking(self.descriptor, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.descriptor, b"x")
        os.set_blocking(self.descriptor, True)


class FullDisk(Output):
    """Never worked."""

    def __init__(self) -> None:
        self.descriptor = os.open("/dev/full", os.O_WRONLY)

    def spoil(self) -> None:
        pass


class NobodyFromTheStart(ClosedPipe):
    def __init__(self) -> None:
        super().__init__()
        super().spoil()

    def spoil(self) -> None:
        pass


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A gateway that was set up with a log that could be written, and stopped."""
    first = server.start(tmp_path_factory.mktemp("unwritable") / "data", "--no-tasks")
    first.stop()
    return first


@pytest.mark.parametrize("output", [ClosedPipe, StalledPipe, FullDisk, NobodyFromTheStart])
def test_an_unwritable_log_changes_no_answer_and_skips_no_settlement(printed: Server, output: type[Output]):
    forget(printed.data_dir)
    log = output()
    running = server.start(
        printed.data_dir,
        "--no-tasks",
        console=printed.console,
        output=log.descriptor,
        FREEAI_LOG_FORMAT="json",
    )
    log.spoil()

    try:
        answers = [running.chat() for _ in range(3)]
        streams = [running.chat(stream=True) for _ in range(3)]
        failed, unknown = running.chat(model="sandbox/error_500"), plain.get(f"{running.url}/v1/nowhere")
        wait_until(lambda: running.outcomes().get("success") == 6)
        used, in_flight = of_the_sandbox(running), running.metric("freeai_requests_in_flight")
        lost = running.metric("freeai_log_lines_lost_total")
    finally:
        code = running.stop()
    os.close(log.descriptor)

    assert [answer.status_code for answer in answers + streams] == [200] * 6
    assert all(stream.text.endswith("data: [DONE]\n\n") for stream in streams)
    assert (failed.status_code, unknown.status_code) == (502, 404)
    assert used == in_the_ledger(running)  # so nothing is reserved any more
    assert (in_flight, code) == (1, 0)  # the scrape itself
    assert (lost > 0) is (output is not StalledPipe)  # its lines wait for the reader


def forget(data_dir: Path) -> None:
    with sqlite3.connect(data_dir / "freeai.sqlite3") as database:
        database.execute("DELETE FROM usage_events")


def of_the_sandbox(running: Server) -> tuple[int, int]:
    """Requests and tokens of the day, as the quota windows have them."""
    row = running.api("GET", "providers/sandbox").json()
    return row["requests_today"], row["tokens_today"]


def in_the_ledger(running: Server) -> tuple[int, int]:
    with sqlite3.connect(running.data_dir / "freeai.sqlite3") as database:
        row = database.execute("SELECT count(*), sum(prompt_tokens + completion_tokens) FROM usage_events")
        requests, tokens = row.fetchone()
    return requests, tokens
