import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.analytics import backlog as backlog_module
from apps.analytics import segments as segments_module
from apps.analytics import spool as spool_module
from apps.analytics.segments import LOCK, discard, read_events, segments, take
from apps.analytics.spool import Spool
from tests.analytics.examples import Journal, begun, ended, rotated


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    journal = Journal()
    monkeypatch.setattr(spool_module, "log", journal)
    monkeypatch.setattr(segments_module, "log", journal)
    monkeypatch.setattr(backlog_module, "log", journal)
    return journal


def everything(directory: Path) -> list[tuple[str, str]]:
    """(id, outcome) of all lines of all segments."""
    return [(event.id, event.outcome) for path in segments(directory) for event in read_events(path)]


def test_an_attempt_is_in_the_file_as_soon_as_begin_returns(spool: Spool):
    event = begun(prompt_tokens=7, client_id=3)

    spool.begin(event)

    assert list(read_events(spool.directory / "000001.jsonl")) == [event]


def test_an_end_follows_its_begin(spool: Spool):
    event = begun()

    spool.begin(event)
    spool.end(ended(event, completion_tokens=9))

    assert everything(spool.directory) == [(event.id, "interrupted"), (event.id, "success")]
    assert spool.depth() == 1


def test_rotate_has_nothing_to_give_before_an_attempt_ends(spool: Spool):
    spool.begin(begun())

    assert spool.rotate() is None


def test_rotate_carries_open_attempts_into_the_next_segment(spool: Spool):
    open_, done = begun(), begun()
    spool.begin(open_)
    spool.begin(done)
    spool.end(ended(done))

    closed = rotated(spool)

    assert closed == spool.directory / "000001.jsonl"
    assert list(read_events(spool.directory / "000002.jsonl")) == [open_]


def test_the_next_segment_is_opened_only_when_something_is_written(spool: Spool):
    spool.end(ended())

    closed = rotated(spool)

    assert segments(spool.directory) == [closed]


def test_depth_counts_closed_segments_until_they_are_drained(spool: Spool):
    spool.end(ended())
    closed = rotated(spool)
    spool.end(ended())
    depth_before = spool.depth()

    spool.drained(closed)

    assert (depth_before, spool.depth()) == (2, 1)


def test_segments_sort_by_number_beyond_six_digits(root: Path):
    root.mkdir()
    for name in ("1000000.jsonl", "999999.jsonl"):
        (root / name).touch()

    assert [path.name for path in segments(root)] == ["999999.jsonl", "1000000.jsonl"]


def test_a_torn_last_line_is_skipped_and_logged(spool: Spool, journal: Journal):
    whole = ended()
    spool.end(whole)
    segment = rotated(spool)
    with segment.open("ab") as file:
        file.write(b'{"id":"0190","at":17')

    assert list(read_events(segment)) == [whole]
    assert journal.names == ["spool.line_unreadable"]


def test_an_unreadable_line_is_kept_for_a_human(spool: Spool, root: Path):
    spool.end(ended())
    segment = rotated(spool)
    with segment.open("ab") as file:
        file.write(b'{"id": 5}\n')

    assert len(list(read_events(segment))) == 1
    assert (root / "refused.jsonl").read_bytes() == b'{"id": 5}\n'


def test_fields_of_a_newer_version_are_ignored(spool: Spool):
    event = ended()
    spool.end(event)
    segment = rotated(spool)
    segment.write_bytes(segment.read_bytes().replace(b'{"id"', b'{"from_the_future":[1],"id"'))

    assert list(read_events(segment)) == [event]


def taken(root: Path) -> list[Path]:
    """The directories of dead processes, left for others to take again."""
    found = []
    for directory, lock in list(take(root, root / "own")):
        os.close(lock)
        found.append(directory)
    return found


def test_a_living_process_is_not_adopted(spool: Spool, root: Path):
    spool.end(ended())

    assert taken(root) == []


def test_another_process_does_not_adopt_a_living_one(spool: Spool, root: Path):
    spool.end(ended())
    look = "import sys, pathlib; from apps.analytics.segments import take; "
    look += "print(len(list(take(pathlib.Path(sys.argv[1]), pathlib.Path()))))"

    found = subprocess.run([sys.executable, "-c", look, root], capture_output=True, check=True, text=True)

    assert found.stdout == "0\n"


def test_what_was_not_drained_stays_adoptable_after_close(root: Path):
    spool = Spool(root)
    spool.end(ended())

    spool.close()

    assert taken(root) == [spool.directory]


def test_an_adopted_directory_is_nobody_elses_meanwhile(root: Path):
    spool = Spool(root)
    spool.end(ended())
    spool.close()

    held = list(take(root, root / "own"))
    meanwhile = taken(root)
    for _, lock in held:
        os.close(lock)

    assert ([directory for directory, _ in held], meanwhile) == ([spool.directory], [])


def test_close_removes_a_directory_in_which_nothing_waits(root: Path):
    spool = Spool(root)

    spool.close()

    assert list(root.iterdir()) == []


def test_discard_leaves_nothing_and_may_be_repeated(root: Path):
    spool = Spool(root)
    spool.end(ended())
    spool.close()

    discard(spool.directory)
    discard(spool.directory)

    assert list(root.iterdir()) == []


def test_files_are_readable_by_their_owner_only(spool: Spool):
    spool.begin(begun())

    modes = [path.stat().st_mode & 0o077 for path in (spool.directory, *spool.directory.iterdir())]
    assert modes == [0, 0, 0]
    assert (spool.directory / LOCK).exists()
