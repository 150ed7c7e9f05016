"""The writer and what dead processes left: written behind, in its own time, once."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apps.analytics.drain import BATCH
from apps.analytics.segments import segments
from apps.analytics.spool import Spool
from apps.analytics.writer import Writer
from tests.analytics.conftest import Ledger, Outage, off_loop
from tests.analytics.examples import Journal, begun, ended


async def test_adoption_waits_for_the_database(writer: Writer, root: Path, ledger: Ledger, outage: Outage):
    event = begun()
    dead = left_behind(root, event)
    await off_loop(writer.look)
    outage.active = True
    adopted_in_outage = await writer.adopt(10)
    depth_in_outage = writer.depth()
    outage.active = False

    assert await writer.adopt(10)

    assert (adopted_in_outage, depth_in_outage) == (False, 1)
    assert await off_loop(ledger.outcomes) == {event.id: "interrupted"}
    assert (dead.exists(), writer.depth()) == (False, 0)


async def test_where_the_start_did_not_look_the_first_turn_does(writer: Writer, root: Path, ledger: Ledger):
    event = begun()
    left_behind(root, event)

    assert await writer.adopt(10)

    assert await off_loop(ledger.outcomes) == {event.id: "interrupted"}


async def test_adoption_goes_on_where_it_was_interrupted(writer: Writer, root: Path, ledger: Ledger):
    events = [ended() for _ in range(2 * BATCH + 10)]
    left_behind(root, *events)
    await off_loop(writer.look)

    await writer.adopt(0.0001)
    depth = writer.depth()
    await writer.adopt(10)

    assert depth >= BATCH + 10
    assert await off_loop(ledger.outcomes) == {event.id: "success" for event in events}


async def test_what_is_left_at_the_end_is_said_and_stays(
    spool: Spool, root: Path, ledger: Ledger, outage: Outage, journal: Journal
):
    writer = Writer(spool, root, using=ledger.alias)
    left_behind(root, ended())
    await off_loop(writer.look)
    spool.end(ended())
    outage.active = True

    assert not await writer.aclose(1)

    assert "usage.left_in_spool" in journal.names
    assert [len(segments(directory)) for directory in directories(root)] == [1, 1]


def left_behind(root: Path, *events) -> Path:
    """The directory of a process that died after these."""
    dead = Spool(root)
    for event in events:
        (dead.begin if event.outcome == "interrupted" else dead.end)(event)
    dead.close()
    return dead.directory


@pytest.mark.parametrize("lines", [1, 50, 700])
async def test_a_killed_process_leaves_every_ended_event_exactly_once(
    writer: Writer, spool: Spool, root: Path, ledger: Ledger, lines: int
):
    begun_ids, ended_ids = await asyncio.to_thread(append_until_killed, root, lines)

    await off_loop(writer.look)
    assert await writer.adopt(20)

    outcomes = await off_loop(ledger.outcomes)
    unreported = len(outcomes.keys() - begun_ids)
    assert begun_ids <= outcomes.keys()
    assert unreported <= 1  # the kill came between the write and the report
    assert ended_ids <= {key for key, outcome in outcomes.items() if outcome == "success"}
    unfinished = [key for key, outcome in outcomes.items() if outcome == "interrupted"]
    assert len(unfinished) >= len(begun_ids - ended_ids) - 1
    assert directories(root) == [spool.directory]


def directories(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()]


def append_until_killed(root: Path, lines: int) -> tuple[set[str], set[str]]:
    """The ids that a process reported as begun and as ended before it was killed, after `lines` or more."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.analytics.appender", str(root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    reports = [process.stdout.readline() for _ in range(lines)]
    os.kill(process.pid, signal.SIGKILL)
    reports += [line for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    pairs = [line.split() for line in reports]
    return {key for word, key in pairs if word == "begun"}, {key for word, key in pairs if word == "ended"}
