"""What dead processes left: counted at once, exactly, and written behind, whatever lies beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.analytics import leftovers as leftovers_module
from apps.analytics import segments as segments_module
from apps.analytics.drain import drain
from apps.analytics.leftovers import Leftovers
from apps.analytics.segments import LOCK, encode, segments
from apps.analytics.spool import Spool
from tests.analytics.conftest import Ledger
from tests.analytics.examples import AT, Journal, begun, ended, refused, rotated


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    journal = Journal()
    monkeypatch.setattr(segments_module, "log", journal)
    monkeypatch.setattr(leftovers_module, "log", journal)
    monkeypatch.setattr(segments_module, "_told", set())
    return journal


@pytest.fixture
def left(root: Path, ledger: Ledger) -> Iterator[Leftovers]:
    root.mkdir()
    made = Leftovers(root, root / "own", using=ledger.alias)
    yield made
    made.close()


@pytest.fixture
def dead(root: Path) -> Path:
    """The directory of a dead process, with one segment of one event."""
    return left_behind(root, ended())


def left_behind(root: Path, *events) -> Path:
    spool = Spool(root)
    for event in events:
        (spool.begin if event.outcome == "interrupted" else spool.end)(event)
    spool.close()
    return spool.directory


def write_all(left: Leftovers) -> None:
    while left.step():
        pass


def test_usage_is_summed_by_minute_before_anything_is_written(left: Leftovers, root: Path, ledger: Ledger):
    first, second = begun(prompt_tokens=10), begun(at=AT + 60)
    left_behind(
        root,
        first,
        ended(first, completion_tokens=5),
        ended(at=AT + 1, prompt_tokens=20),
        second,
        ended(at=AT, provider="cohere", prompt_tokens=1),
    )

    buckets = {(bucket.provider, bucket.at): (bucket.requests, bucket.tokens) for bucket in left.look()}

    assert buckets == {("groq", AT + 1): (2, 35), ("groq", AT + 60): (1, 100), ("cohere", AT): (1, 1)}
    assert left.depth() == 4
    assert left.oldest_at() == pytest.approx(AT + 0.1205)
    assert ledger.rows.count() == 0


def test_what_is_in_the_ledger_already_is_not_counted_again(left: Leftovers, root: Path, ledger: Ledger):
    """Killed after a commit, before the segment was deleted."""
    spool = Spool(root)
    spool.end(ended())
    spool.end(ended())
    list(drain(rotated(spool), dead=False, using=ledger.alias))
    spool.end(ended())
    spool.close()

    buckets = left.look()
    write_all(left)

    assert [bucket.requests for bucket in buckets] == [1]
    assert ledger.rows.count() == 3


def test_a_rest_of_a_segment_is_counted_alone(left: Leftovers, root: Path, ledger: Ledger):
    events = [ended(prompt_tokens=1) for _ in range(5)]
    half = root / "half" / "000001.jsonl"
    half.parent.mkdir()
    half.write_bytes(b"".join(map(encode, events[:3])))
    list(drain(half, dead=False, using=ledger.alias))
    half.write_bytes(b"".join(map(encode, events)))

    assert [(bucket.requests, bucket.tokens) for bucket in left.look()] == [(2, 2)]


def test_a_refusal_is_written_and_took_nothing_of_any_quota(left: Leftovers, root: Path, ledger: Ledger):
    done, no = ended(client_id=4), refused(client_id=4, stands_for=50)
    left_behind(root, done, no)

    buckets = left.look(0.0)
    depth = left.depth()
    write_all(left)

    assert [(bucket.provider, bucket.requests) for bucket in buckets] == [("groq", 1)]
    assert len(left.client_usage.requests) == 1
    assert depth == 2
    assert ledger.outcomes() == {done.id: "success", no.id: "refused"}


def test_everything_is_written_and_nothing_left(left: Leftovers, root: Path, ledger: Ledger):
    open_, done = begun(), begun()
    left_behind(root, open_, done, ended(done))
    left.look()

    write_all(left)

    assert ledger.outcomes() == {open_.id: "interrupted", done.id: "success"}
    assert (left.depth(), left.oldest_at(), list(root.iterdir())) == (0, None, [])


def test_an_attempt_open_in_one_segment_and_ended_in_a_later_one_is_one(
    left: Leftovers, root: Path, ledger: Ledger
):
    spool = Spool(root)
    long = begun()
    spool.begin(long)
    spool.end(ended())
    rotated(spool)
    spool.end(ended(long, completion_tokens=7))
    spool.close()

    buckets = left.look()
    write_all(left)

    assert [(bucket.requests, bucket.tokens) for bucket in buckets] == [(2, 207)]
    assert ledger.rows.get(pk=long.id).completion_tokens == 7


@pytest.mark.parametrize("name", ["000002 (1).jsonl", "000001 copy.jsonl", "²³.jsonl", "-1.jsonl", ".jsonl"])
def test_a_copy_of_a_segment_stops_nothing_and_doubles_nothing(
    left: Leftovers, dead: Path, root: Path, ledger: Ledger, name: str
):
    (dead / name).write_bytes((dead / "000001.jsonl").read_bytes())
    other = left_behind(root, ended())

    buckets = left.look()
    write_all(left)

    assert sum(bucket.requests for bucket in buckets) == 2
    assert ledger.rows.count() == 2
    assert not other.exists()


def test_a_directory_without_its_lock_is_adopted(left: Leftovers, dead: Path, ledger: Ledger):
    (dead / LOCK).unlink()

    assert [bucket.requests for bucket in left.look()] == [1]
    write_all(left)

    assert ledger.rows.count() == 1
    assert not dead.exists()


def test_files_of_strangers_stay_and_are_told_once(
    left: Leftovers, dead: Path, ledger: Ledger, journal: Journal
):
    (dead / "notes.txt").write_text("mine")

    for _ in range(3):
        left.look()
        write_all(left)

    assert [path.name for path in dead.iterdir()] == ["notes.txt"]
    assert ledger.rows.count() == 1
    assert journal.names == ["usage.adopted", "spool.strangers"]


def test_directories_of_strangers_are_left_alone(left: Leftovers, root: Path, journal: Journal):
    (root / "lost+found").mkdir()

    assert left.look() == []
    write_all(left)

    assert (root / "lost+found").is_dir()
    assert journal.names == []


def test_its_own_directory_is_not_adopted_though_its_lock_is_gone(root: Path, ledger: Ledger, spool: Spool):
    spool.end(ended())
    (spool.directory / LOCK).unlink()
    left = Leftovers(root, spool.directory, using=ledger.alias)

    assert left.look() == []
    assert segments(spool.directory)


@pytest.mark.parametrize("spoil", ["segment_is_a_directory", "segment_is_a_pipe", "lock_is_a_directory"])
def test_what_cannot_be_read_stops_nobody_else_and_is_told_once(
    left: Leftovers, root: Path, ledger: Ledger, journal: Journal, spoil: str
):
    bad = root / "00000000"  # the first of all
    bad.mkdir()
    made = bad / (LOCK if spoil == "lock_is_a_directory" else "000001.jsonl")
    os.mkfifo(made) if spoil == "segment_is_a_pipe" else made.mkdir()
    dead = left_behind(root, ended())

    for _ in range(3):
        left.look()
        write_all(left)

    assert ledger.rows.count() == 1
    assert (bad.exists(), dead.exists()) == (True, False)
    assert sorted(journal.names) == ["usage.adopted", "usage.not_adopted"]


def test_a_failed_step_begins_its_segment_anew(left: Leftovers, dead: Path, ledger: Ledger, monkeypatch):
    left.look()
    monkeypatch.setattr(leftovers_module, "drain", failing)
    with pytest.raises(ValueError, match="went away"):
        left.step()
    monkeypatch.undo()

    write_all(left)

    assert ledger.rows.count() == 1
    assert not dead.exists()


def failing(*_, **__) -> Iterator[int]:
    yield from map(int, ["the database went away"])


@pytest.mark.parametrize("line", [b"{nonsense\n", encode(ended(at=1e20)), encode(ended(at=-1e15))])
def test_unreadable_lines_are_set_aside_once(
    left: Leftovers, dead: Path, root: Path, ledger: Ledger, line: bytes
):
    with (dead / "000001.jsonl").open("ab") as file:
        file.write(b"\n" + line)

    left.look()
    write_all(left)

    assert (root / "refused.jsonl").read_bytes() == line
    assert ledger.rows.count() == 1


def test_locks_are_given_back(left: Leftovers, dead: Path, root: Path, ledger: Ledger):
    left.look()
    taken_meanwhile = Leftovers(root, root / "own", using=ledger.alias).look()

    left.close()

    assert taken_meanwhile == []
    assert [bucket.requests for bucket in Leftovers(root, root / "own", using=ledger.alias).look()] == [1]


def test_what_else_was_charged_is_summed_up_too(left: Leftovers, root: Path, ledger: Ledger):
    killed = begun(completion_tokens=50, charged={"images": 2})
    left_behind(root, ended(charged={"images": 1, "money": 9}), killed)

    (bucket,) = left.look()
    write_all(left)

    assert bucket.amounts == {
        "requests": 2,
        "tokens": 250,
        "input_tokens": 200,
        "output_tokens": 50,
        "images": 3,
        "money": 9,
    }
    assert ledger.rows.get(pk=killed.id).charged == {"images": 2}


def test_lines_of_the_version_before_are_read(left: Leftovers, root: Path, ledger: Ledger):
    old = root / "old" / "000001.jsonl"
    old.parent.mkdir()
    line = encode(ended())
    assert b"charged" not in line
    old.write_bytes(line)

    assert [bucket.requests for bucket in left.look()] == [1]
    write_all(left)

    assert [row.charged for row in ledger.rows.all()] == [{}]
