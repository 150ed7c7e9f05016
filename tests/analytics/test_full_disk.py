"""A disk that takes nothing, or a part of a line: nothing is lost that memory holds, and what is lost is counted."""

import errno
import os
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from apps.analytics import backlog as backlog_module
from apps.analytics import segments as segments_module
from apps.analytics import spool as spool_module
from apps.analytics.events import UsageEvent
from apps.analytics.segments import encode, read_events, segments
from apps.analytics.spool import Spool
from tests.analytics.examples import Journal, begun, ended, rotated


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    journal = Journal()
    monkeypatch.setattr(spool_module, "log", journal)
    monkeypatch.setattr(segments_module, "log", journal)
    monkeypatch.setattr(backlog_module, "log", journal)
    return journal


class Disk:
    """Stands in for os.write and os.ftruncate: takes `room` bytes, then is full. None: room without end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self._write, self._truncate = os.write, os.ftruncate
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "ftruncate", self.truncate)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room is None:
            return self._write(descriptor, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(descriptor, bytes(data[: self.room]))
        self.room -= written
        return written

    def truncate(self, descriptor: int, length: int) -> None:
        if self.room is not None:
            self.room += os.fstat(descriptor).st_size - length
        self._truncate(descriptor, length)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def everything(directory: Path) -> list[tuple[str, str]]:
    """(id, outcome) of all lines of all segments."""
    return [(event.id, event.outcome) for path in segments(directory) for event in read_events(path)]


def test_a_full_disk_keeps_events_in_memory_until_there_is_room(spool: Spool, disk: Disk, journal: Journal):
    first, second = ended(), ended()
    disk.room = 0
    spool.end(first)
    spool.end(second)
    rotated_while_full = spool.rotate()
    depth_while_full = spool.depth()
    disk.room = None

    segment = rotated(spool)

    assert rotated_while_full is None
    assert depth_while_full == 2
    assert list(read_events(segment)) == [first, second]
    assert journal.names == ["spool.disk_refuses", "spool.disk_back"]


@pytest.mark.parametrize("room", [1, 40, 300, 500])
def test_a_write_cut_short_loses_and_doubles_nothing(spool: Spool, disk: Disk, root: Path, room: int):
    events = [ended() for _ in range(5)]
    disk.room = room
    for event in events:
        spool.end(event)
    disk.room = 200
    spool.rotate()
    disk.room = None

    spool.rotate()

    assert everything(spool.directory) == [(event.id, "success") for event in events]


def test_draining_resumes_as_soon_as_a_line_fits(spool: Spool, disk: Disk):
    """What was written of the backlog counts, though the rest of it still waits."""
    events = [ended() for _ in range(50)]
    disk.room = 0
    for event in events:
        spool.end(event)
    disk.room = 2 * len(encode(events[0])) + 10

    segment = rotated(spool)

    assert list(read_events(segment)) == events[:2]
    assert (spool.on_disk(), spool.depth()) == (2, 50)


def test_no_event_is_lost_while_memory_has_room(spool: Spool, disk: Disk):
    events = [ended() for _ in range(2_000)]
    found: list[UsageEvent] = []
    for number, event in enumerate(events):
        disk.room = None if number % 7 == 0 else 100
        spool.end(event)
        if number % 50 == 0 and (segment := spool.rotate()):
            found += read_events(segment)
    disk.room = None
    while segment := spool.rotate():
        found += read_events(segment)

    assert found == events


def test_a_line_cut_short_leaves_nothing_in_the_file(spool: Spool, disk: Disk, journal: Journal):
    whole, cut = ended(), ended()
    spool.end(whole)
    disk.room = 50
    spool.end(cut)

    assert (spool.directory / "000001.jsonl").read_bytes() == encode(whole)


def test_a_cut_that_cannot_be_taken_back_ends_its_segment(
    spool: Spool, disk: Disk, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", refuse)
    events = [ended() for _ in range(4)]
    spool.end(events[0])
    disk.room = 50
    spool.end(events[1])
    disk.room = None
    spool.end(events[2])
    spool.rotate()
    spool.end(events[3])
    spool.rotate()

    assert [key for key, _ in everything(spool.directory)] == [event.id for event in events]


def test_begun_attempts_reach_the_disk_when_it_is_back(spool: Spool, disk: Disk):
    disk.room = 0
    open_ = begun()
    spool.begin(open_)
    disk.room = None

    spool.rotate()

    assert everything(spool.directory) == [(open_.id, "interrupted")]


def test_what_is_lost_is_counted(spool: Spool, disk: Disk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backlog_module, "MOST_BYTES", 2_000)
    before = REGISTRY.get_sample_value("freeai_usage_events_lost_total") or 0.0
    disk.room = 0
    events = [ended() for _ in range(40)]
    for event in events:
        spool.end(event)
    kept = spool.depth()

    assert 0 < kept < 40
    assert REGISTRY.get_sample_value("freeai_usage_events_lost_total") == before + 40 - kept


def test_open_attempts_are_carried_across_a_full_disk(spool: Spool, disk: Disk):
    open_, done = begun(), begun()
    spool.begin(open_)
    spool.begin(done)
    spool.end(ended(done))
    disk.room = 0
    closed = rotated(spool)
    closed.unlink()
    disk.room = None

    spool.rotate()

    assert everything(spool.directory) == [(open_.id, "interrupted")]


def test_memory_stays_bounded_while_the_disk_is_full(
    spool: Spool, disk: Disk, journal: Journal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backlog_module, "MOST_BYTES", 2_000)
    disk.room = 0
    events = [ended() for _ in range(100)]
    for event in events:
        spool.end(event)
    disk.room = None

    segment = rotated(spool)

    kept = list(read_events(segment))
    assert segment.stat().st_size <= 2_000
    assert kept == events[: len(kept)] != []
    assert journal.names == [
        "spool.disk_refuses",
        "spool.events_lost",
        "spool.disk_back",
    ]
