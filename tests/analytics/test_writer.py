import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import OperationalError, connections

from apps.analytics import drain as drain_module
from apps.analytics import writer as writer_module
from apps.analytics.drain import BATCH
from apps.analytics.segments import segments
from apps.analytics.spool import Spool
from apps.analytics.upsert import upsert
from apps.analytics.writer import LONGEST_PAUSE_S, Writer
from tests.analytics.conftest import Ledger, Outage, off_loop
from tests.analytics.examples import Journal, begun, ended


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (a file and a thread: nothing to await)
            await asyncio.sleep(0.01)


async def test_flush_writes_what_has_ended_and_removes_its_segment(
    writer: Writer, spool: Spool, ledger: Ledger
):
    open_, done = begun(), begun()
    spool.begin(open_)
    spool.begin(done)
    spool.end(ended(done))

    assert await writer.flush()

    assert await off_loop(ledger.outcomes) == {done.id: "success"}
    assert [path.name for path in segments(spool.directory)] == ["000002.jsonl"]
    assert spool.depth() == 0


async def test_an_attempt_that_outlives_many_rotations_is_written_once(
    writer: Writer, spool: Spool, ledger: Ledger
):
    long = begun()
    spool.begin(long)
    for _ in range(5):
        spool.end(ended())
        await writer.flush()
    spool.end(ended(long))

    await writer.flush()

    assert (await off_loop(ledger.outcomes))[long.id] == "success"
    assert segments(spool.directory) == []


async def test_an_outage_loses_and_doubles_nothing(
    writer: Writer, spool: Spool, ledger: Ledger, outage: Outage, journal: Journal
):
    events = [ended() for _ in range(3 * BATCH)]
    outage.active = True
    for start in range(0, len(events), BATCH):
        for event in events[start : start + BATCH]:
            spool.end(event)
        assert not await writer.flush()
    depth_in_outage = spool.depth()
    outage.active = False

    assert await writer.flush()

    assert depth_in_outage == 3 * BATCH
    assert await off_loop(ledger.outcomes) == {event.id: "success" for event in events}
    assert (spool.depth(), segments(spool.directory)) == (0, [])
    assert journal.names == ["usage.not_written", "usage.database_back"]


async def test_an_outage_in_the_middle_of_a_segment_loses_and_doubles_nothing(
    writer: Writer, spool: Spool, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    insert, calls = upsert, []

    def insert_and_break_once(batch, using):
        calls.append(len(batch))
        if len(calls) == 2:
            raise OperationalError("gone in the middle")
        insert(batch, using)

    monkeypatch.setattr(drain_module, "upsert", insert_and_break_once)
    events = [ended() for _ in range(2 * BATCH + 10)]
    for event in events:
        spool.end(event)

    first, second = await writer.flush(), await writer.flush()

    assert (first, second) == (False, True)
    assert await off_loop(ledger.outcomes) == {event.id: "success" for event in events}


@pytest.mark.parametrize("ledger", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_connection_killed_by_the_server_is_replaced(writer: Writer, spool: Spool, ledger: Ledger):
    spool.end(ended())
    await writer.flush()

    def kill_the_others() -> int:
        with connections[ledger.alias].cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND application_name = %s",
                [ledger.alias],
            )
            return len(cursor.fetchall())

    killed = await off_loop(kill_the_others)
    spool.end(ended())

    assert killed == 1
    assert await writer.flush()
    assert len(await off_loop(ledger.outcomes)) == 2


async def test_run_writes_by_itself_and_stops_when_cancelled(
    writer: Writer, spool: Spool, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer_module, "INTERVAL_S", 0.01)
    task = asyncio.create_task(writer.run())

    spool.end(ended())
    await until(lambda: spool.depth() == 0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert task.cancelled()
    assert len(await off_loop(ledger.outcomes)) == 1


async def test_run_adopts_from_time_to_time(
    writer: Writer, root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer_module, "INTERVAL_S", 0.01)
    monkeypatch.setattr(writer_module, "LOOK_INTERVAL_S", 0.02)
    monkeypatch.setattr(writer_module, "LEFTOVERS_AFTER_S", 0.0)
    task = asyncio.create_task(writer.run())
    await asyncio.sleep(0.05)
    dead = Spool(root)
    event = begun()
    dead.begin(event)
    dead.close()

    await until(lambda: not dead.directory.exists())
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert await off_loop(ledger.outcomes) == {event.id: "interrupted"}


async def test_a_flush_after_a_cancelled_one_neither_fails_nor_doubles(
    writer: Writer, spool: Spool, ledger: Ledger
):
    events = [ended() for _ in range(BATCH)]
    for event in events:
        spool.end(event)
    task = asyncio.create_task(writer.flush())
    await asyncio.sleep(0.001)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert await writer.flush()

    assert len(await off_loop(ledger.outcomes)) == BATCH
    assert spool.depth() == 0


def test_pauses_grow_to_thirty_seconds_while_the_database_is_away(spool: Spool, root: Path):
    writer = Writer(spool, root)

    pauses = [writer._pause_s(failures) for failures in range(9)]

    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_does_not_pause_while_much_waits(spool: Spool, root: Path):
    for _ in range(BATCH):
        spool.end(ended())

    assert Writer(spool, root)._pause_s(0) == 0.0


async def test_what_the_disk_refuses_goes_from_memory_to_the_database(
    writer: Writer, spool: Spool, ledger: Ledger, full_disk
):
    events = [ended() for _ in range(BATCH)]
    for event in events:
        spool.end(event)

    assert await writer.flush()

    assert await off_loop(ledger.outcomes) == {event.id: "success" for event in events}
    assert spool.depth() == 0


async def test_a_full_disk_and_no_database_keep_everything_in_memory(
    writer: Writer, spool: Spool, ledger: Ledger, full_disk, outage: Outage
):
    events = [ended() for _ in range(BATCH)]
    for event in events:
        spool.end(event)
    outage.active = True
    written = await writer.flush()
    depth, pause_s = spool.depth(), writer._pause_s(0)
    outage.active = False

    assert await writer.flush()

    assert (written, depth, pause_s) == (False, BATCH, 0.5)  # it does not spin
    assert await off_loop(ledger.outcomes) == {event.id: "success" for event in events}
