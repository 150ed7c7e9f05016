"""A database that does not answer: every turn of the writer has an end, and the figures are true meanwhile."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError

from apps.analytics import drain as drain_module
from apps.analytics import writer as writer_module
from apps.analytics.spool import Spool
from apps.analytics.upsert import upsert
from apps.analytics.writer import Writer
from tests.analytics.conftest import Ledger, off_loop
from tests.analytics.examples import Journal, ended


class Hang:
    """Stands in for a database that does not answer: every write waits until `over`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.over = threading.Event()
        self.active = True
        insert = upsert

        def hang(batch, using):
            if self.active:
                self.over.wait(10)
                raise OperationalError("the connection was given up")
            insert(batch, using)

        monkeypatch.setattr(drain_module, "upsert", hang)


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    monkeypatch.setattr(writer_module, "TURN_S", 0.2)
    hang = Hang(monkeypatch)
    yield hang
    hang.over.set()
    for thread in threading.enumerate():
        if thread.name == "usage-writer":
            thread.join(10)


async def test_a_write_that_hangs_is_given_up_and_tried_again(
    spool: Spool, root: Path, ledger: Ledger, hang: Hang, journal: Journal
):
    writer = Writer(spool, root, using=ledger.alias)
    spool.end(ended())

    in_time = await asyncio.wait_for(writer.flush(), 2)
    depth, lag_s = writer.depth(), writer.lag_s()
    hang.active = False

    assert await writer.flush()
    assert (in_time, depth) == (False, 1)
    assert lag_s >= 0.2
    assert (writer.depth(), writer.lag_s()) == (0, 0.0)
    assert len(await off_loop(ledger.outcomes)) == 1
    assert journal.names == ["usage.not_written", "usage.database_back"]
    await writer.aclose(5)


async def test_a_write_that_waits_is_told_of_once_before_it_ends(
    spool: Spool, root: Path, ledger: Ledger, hang: Hang, journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer_module, "TURN_S", 9.0)
    monkeypatch.setattr(writer_module, "LATE_S", 0.05)
    writer = Writer(spool, root, using=ledger.alias)
    spool.end(ended())

    flushing = asyncio.create_task(writer.flush())
    await asyncio.sleep(0.3)
    waiting, names, lag_s = not flushing.done(), list(journal.names), writer.lag_s()
    hang.over.set()
    given_up = not await flushing
    hang.active = False

    assert (waiting, names, given_up) == (True, ["usage.not_written"], True)
    assert lag_s >= 0.3
    assert await writer.flush()
    assert journal.names == ["usage.not_written", "usage.database_back"]
    await writer.aclose(5)


async def test_depth_and_lag_are_true_during_a_flush(spool: Spool, root: Path, ledger: Ledger, hang: Hang):
    writer = Writer(spool, root, using=ledger.alias)
    spool.end(ended())

    flushing = asyncio.create_task(writer.flush())
    await asyncio.sleep(0.05)
    spool.end(ended())

    assert writer.depth() == 2
    assert 0.04 < writer.lag_s() < 1
    await flushing
    hang.active = False
    await writer.aclose(5)


async def test_closing_waits_no_longer_than_it_may(
    spool: Spool, root: Path, ledger: Ledger, hang: Hang, monkeypatch
):
    monkeypatch.setattr(writer_module, "TURN_S", 10)
    writer = Writer(spool, root, using=ledger.alias)
    spool.end(ended())
    started = time.monotonic()

    assert not await writer.aclose(0.2)

    assert time.monotonic() - started < 1
    assert spool.depth() == 1
