"""The spool of one moment, beside whoever writes and drains it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.analytics.events import UsageEvent
from apps.analytics.segments import read_events
from apps.analytics.spool import Spool
from apps.core import clock
from apps.gateway.backup import spool_copy
from apps.gateway.backup.manifest import BackupError
from tests.analytics.examples import begun, ended

ROUNDS = 12


class Database:
    """What was drained. `look` copies it, as a snapshot does."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.seen: set[str] = set()

    def look(self) -> None:
        self.seen = set(self.ids)


class Traffic:
    """Writes an event, then drains its segment, without a pause but `between` two drains."""

    def __init__(self, root: Path, database: Database, between: float) -> None:
        self._spool = Spool(root)
        self._database = database
        self._between = between
        self._ended = threading.Event()
        self.written: list[str] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._spool.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for _ in range(3):
                event = begun()
                self._spool.begin(event)
                self._spool.end(ended(event))
                self.written.append(event.id)
            time.sleep(self._between)
            if segment := self._spool.rotate():
                self._database.ids |= {each.id for each in events(segment)}
                segment.unlink()
                self._spool.drained(segment)


def events(segment: Path) -> Iterator[UsageEvent]:
    return (event for event in read_events(segment) if event.outcome != "interrupted")


def test_no_event_is_in_neither(tmp_path: Path):
    database = Database()
    with Traffic(tmp_path / "spool", database, between=0.06) as traffic:
        for number in range(ROUNDS):
            before = list(traffic.written)
            into = tmp_path / f"copy-{number}"
            spool_copy.capture(tmp_path / "spool", database.look, into)

            copied = {event.id for segment in into.rglob("*.jsonl") for event in events(segment)}
            assert set(before) <= database.seen | copied


def test_a_look_between_which_a_segment_went_is_taken_again(tmp_path: Path):
    folder = tmp_path / "spool" / "of-one"
    folder.mkdir(parents=True)
    (folder / "000001.jsonl").write_text("{}\n")
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            (folder / "000001.jsonl").unlink()

    spool_copy.capture(tmp_path / "spool", look, tmp_path / "copy")

    assert looks == 2
    assert [path.name for path in (tmp_path / "copy").rglob("*")] == ["of-one"]


def test_a_spool_that_never_rests_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "spool" / "of-one"
    folder.mkdir(parents=True)
    monkeypatch.setattr(spool_copy, "TRIES", 3)

    def look() -> None:
        (folder / f"{clock.monotonic()}.jsonl").write_text("{}\n")

    with pytest.raises(BackupError, match="changes too fast"):
        spool_copy.capture(tmp_path / "spool", look, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_is_appended_and_deleted_later_is_kept(tmp_path: Path):
    folder = tmp_path / "spool" / "of-one"
    folder.mkdir(parents=True)
    segment = folder / "000001.jsonl"
    segment.write_text("{}\n")
    (tmp_path / "spool" / "blocks").write_text("of before\n")

    spool_copy.capture(tmp_path / "spool", lambda: None, tmp_path / "copy")
    segment.unlink()

    assert (tmp_path / "copy" / "of-one" / "000001.jsonl").read_text() == "{}\n"
    assert (tmp_path / "copy" / "blocks").read_text() == "of before\n"


def test_no_spool_yet(tmp_path: Path):
    spool_copy.capture(tmp_path / "spool", lambda: None, tmp_path / "copy")

    assert list((tmp_path / "copy").iterdir()) == []
