"""The spool has a bound: at it, events wait in memory as on a full disk, the newest are lost last of all, and that is told loudly."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from apps.analytics import backlog as backlog_module
from apps.analytics import spool as spool_module
from apps.analytics.leftovers import Leftovers
from apps.analytics.segments import encode, segments
from apps.analytics.spool import Spool
from apps.analytics.writer import Writer
from apps.core import clock
from tests.analytics.conftest import Ledger, off_loop
from tests.analytics.examples import Journal, begun, ended, rotated

LINE = len(encode(ended()))


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    journal = Journal()
    monkeypatch.setattr(spool_module, "log", journal)
    monkeypatch.setattr(backlog_module, "log", journal)
    return journal


def small(root: Path, lines: int) -> Spool:
    """A spool with room for so many events."""
    return Spool(root, most_bytes=lines * LINE)


def on_disk(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*.jsonl"))


def test_no_more_is_written_than_the_bound_and_nothing_is_lost(root: Path, journal: Journal):
    spool = small(root, 10)
    for _ in range(25):
        spool.end(ended())

    assert on_disk(root) == spool.size() == 10 * LINE
    assert spool.depth() == 25
    assert journal.names == ["spool.disk_refuses"]
    spool.close()


def test_it_goes_on_when_the_database_has_taken_some(root: Path, journal: Journal):
    spool = small(root, 10)
    events = [ended() for _ in range(25)]
    for event in events:
        spool.end(event)

    taken: list[bytes] = []
    while segment := spool.rotate():
        taken += segment.read_bytes().splitlines(keepends=True)
        segment.unlink()
        spool.drained(segment)

    assert taken == [encode(event) for event in events]
    assert (spool.depth(), spool.size()) == (0, 0)
    assert journal.names == ["spool.disk_refuses", "spool.disk_back"]
    spool.close()


def test_attempts_under_way_are_carried_within_the_bound(root: Path):
    spool = small(root, 3)
    for _ in range(2):
        spool.begin(begun())
        spool.end(ended())
        spool.rotate()

    assert on_disk(root) <= 3 * LINE
    spool.close()


def test_what_dead_processes_left_takes_room_too_until_it_is_written(root: Path, ledger: Ledger):
    dead = Spool(root)
    for _ in range(8):
        dead.end(ended())
    dead.close()
    spool = small(root, 10)
    left = Leftovers(root, spool.directory, using=ledger.alias)
    left.look()

    spool.beside(left.size())
    for _ in range(5):
        spool.end(ended())
    before = on_disk(root)
    while left.step():
        pass
    spool.beside(left.size())
    segment = rotated(spool)

    assert before == 10 * LINE
    assert left.size() == 0
    assert segment.stat().st_size == 5 * LINE
    spool.close()


async def test_the_writer_makes_room(root: Path, ledger: Ledger):
    dead = Spool(root)
    for _ in range(8):
        dead.end(ended())
    dead.close()
    spool = small(root, 10)
    writer = Writer(spool, root, using=ledger.alias)
    await off_loop(writer.look)
    for _ in range(30):
        spool.end(ended())
    full = spool.size()

    while writer.depth():
        assert await writer.flush()
        assert await writer.adopt(1.0)

    assert full == 10 * LINE
    assert await off_loop(ledger.rows.count) == 38
    assert spool.size() == 0
    await writer.aclose(5)
    spool.close()


def test_what_has_room_nowhere_is_counted_and_told_once_a_minute(
    root: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backlog_module, "MOST_BYTES", 5 * LINE)
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    before = REGISTRY.get_sample_value("freeai_usage_events_lost_total") or 0.0
    spool = small(root, 10)
    events = [ended() for _ in range(100)]

    for event in events[:60]:
        spool.end(event)
    told_at_once = journal.names.count("spool.events_lost")
    now += 61.0
    for event in events[60:]:
        spool.end(event)

    assert (told_at_once, journal.names.count("spool.events_lost")) == (1, 2)
    assert REGISTRY.get_sample_value("freeai_usage_events_lost_total") == before + 85
    [segment] = segments(spool.directory)
    assert segment.read_bytes() == b"".join(map(encode, events[:10]))  # the oldest are safe
    spool.close()
