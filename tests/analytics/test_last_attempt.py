"""Of every request one attempt is the last: whatever its attempts came to, wherever a kill cut the spool off, however often it is read."""

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.analytics import drain as drain_module
from apps.analytics.events import UsageEvent
from apps.analytics.leftovers import Leftovers
from apps.analytics.segments import decode, is_copy, segments
from apps.analytics.spool import UNBOUNDED, Spool
from apps.analytics.upsert import upsert
from apps.core.ids import uuid7
from apps.gateway.attempts.trail import Trail
from tests.analytics.conftest import Ledger
from tests.analytics.examples import begun, ended, rotated

ENDS = ["success", "error", "cancelled"]


def kill(spool: Spool) -> None:
    """The process is gone: its lock is free, its files stay as they are."""
    os.close(spool._lock)
    if spool._fd != -1:
        os.close(spool._fd)


def attempt(request: str, **fields: Any) -> UsageEvent:
    return begun(request_uuid=request, is_last=True, **fields)


def adopt(root: Path, ledger: Ledger, steps: int | None = None) -> int:
    """Write what dead processes left, or a few batches of it; how many attempts a start finds that are not in the ledger."""
    left = Leftovers(root, root / "own", using=ledger.alias)
    found = sum(bucket.requests for bucket in left.look())
    done = 0
    while done != steps and left.step():
        done += 1
    left.close()
    return found


def rows(ledger: Ledger) -> list[tuple[str, bool]]:
    """Outcome, and whether it is the last, of each row in the order of the attempts."""
    return list(ledger.rows.order_by("id").values_list("outcome", "is_last"))


class TestKilled:
    """With the process killed after each step."""

    @pytest.fixture
    def dying(self, root: Path) -> Spool:
        return Spool(root)

    def test_during_its_first_attempt(self, dying: Spool, root: Path, ledger: Ledger):
        Trail(dying).begin(attempt(uuid7()))

        kill(dying)
        adopt(root, ledger)

        assert rows(ledger) == [("interrupted", True)]

    def test_between_two_attempts(self, dying: Spool, root: Path, ledger: Ledger):
        trail, first = Trail(dying), attempt(uuid7())
        trail.begin(first)
        trail.end(ended(first, outcome="error", error_kind="server_error"), is_final=False)

        kill(dying)
        adopt(root, ledger)

        assert rows(ledger) == [("error", True)]

    def test_during_its_second_attempt(self, dying: Spool, root: Path, ledger: Ledger):
        trail, request = Trail(dying), uuid7()
        first = attempt(request)
        trail.begin(first)
        trail.end(ended(first, outcome="error"), is_final=False)
        trail.begin(attempt(request))

        kill(dying)
        adopt(root, ledger)

        assert rows(ledger) == [("error", False), ("interrupted", True)]

    def test_while_the_second_attempt_is_written_down(self, dying: Spool, root: Path, ledger: Ledger):
        """Of the one write only the begin is whole."""
        trail, request = Trail(dying), uuid7()
        first = attempt(request)
        trail.begin(first)
        trail.end(ended(first, outcome="error"), is_final=False)
        trail.begin(attempt(request))
        [segment] = segments(dying.directory)
        *whole, last = segment.read_bytes().splitlines(keepends=True)

        kill(dying)
        segment.write_bytes(b"".join(whole) + last[:-9])
        adopt(root, ledger)

        assert rows(ledger) == [("error", False), ("interrupted", True)]

    def test_while_the_second_attempt_is_written_down_in_another_segment(
        self, dying: Spool, root: Path, ledger: Ledger
    ):
        trail, request = Trail(dying), uuid7()
        first = attempt(request)
        trail.begin(first)
        trail.end(ended(first, outcome="error"), is_final=False)
        dying.end(ended(request_uuid=uuid7(), is_last=True))
        rotated(dying)
        trail.begin(attempt(request))
        later = segments(dying.directory)[-1]
        lines = later.read_bytes().splitlines(keepends=True)

        kill(dying)
        later.write_bytes(lines[1])  # the begin alone: neither what was carried over nor the end
        adopt(root, ledger)

        mine = ledger.rows.filter(request_uuid=UUID(request)).order_by("id")
        assert list(mine.values_list("outcome", "is_last")) == [("error", False), ("interrupted", True)]


def test_an_attempt_that_may_not_be_the_last_waits_for_the_next(spool: Spool, ledger: Ledger):
    """What is in the ledger does not change any more."""
    trail, request = Trail(spool), uuid7()
    first = attempt(request)
    trail.begin(first)
    trail.end(ended(first, outcome="error"), is_final=False)
    other = ended(request_uuid=uuid7(), is_last=True)
    spool.end(other)

    list(drain_module.drain(rotated(spool), dead=False, using=ledger.alias))
    assert ledger.outcomes() == {other.id: "success"}
    second = attempt(request)
    trail.begin(second)
    trail.end(ended(second), is_final=True)
    trail.close()
    list(drain_module.drain(rotated(spool), dead=False, using=ledger.alias))

    mine = ledger.rows.filter(request_uuid=UUID(request)).order_by("id")
    assert list(mine.values_list("outcome", "is_last")) == [("error", False), ("success", True)]


def test_an_attempt_that_ends_when_the_loop_is_over_is_the_last(spool: Spool, ledger: Ledger):
    """A stream breaks behind its first content."""
    trail, only = Trail(spool), attempt(uuid7())
    trail.begin(only)
    trail.close()
    trail.end(ended(only, outcome="error"), is_final=False)

    list(drain_module.drain(rotated(spool), dead=False, using=ledger.alias))

    assert rows(ledger) == [("error", True)]


class Machine:
    """Processes that come and go over one spool and one ledger. A write may be cut off where the process is killed in its midst."""

    def __init__(self, root: Path, ledger: Ledger) -> None:
        self.root, self.ledger = root, ledger
        self.attempts: Counter[str] = Counter()  # by request
        self.doubtful: set[str] = set()  # requests whose latest begin was cut off
        self.unwritten: set[str] = set()  # requests of a process that was killed while its disk was full
        self.start()

    def start(self) -> None:
        self.spool = Spool(self.root)
        self.requests: dict[int, tuple[str, Trail, UsageEvent | None]] = {}
        self.seen: set[str] = set()
        self.caught_up = False  # the last write was of what had waited in memory: it may be cut off
        self.begun: str | None = None  # the request whose begin was the last write
        self.before = self.size()

    def size(self) -> tuple[Path | None, int]:
        paths = segments(self.spool.directory)
        return (paths[-1], paths[-1].stat().st_size) if paths else (None, 0)

    def go_on(self, choice: int) -> None:
        """The next thing of one of three requests: an attempt begins or ends, or the request does."""
        slot, choice = choice % 3, choice // 3
        request, trail, running = self.requests.pop(slot, (uuid7(), Trail(self.spool), None))
        self.seen.add(request)
        self.before, self.begun, self.caught_up = self.size(), None, False
        if running is not None:
            is_final = choice % 4 == 0
            trail.end(ended(running, outcome=ENDS[choice % 3]), is_final=is_final)
            if is_final:
                trail.close()
            else:
                self.requests[slot] = (request, trail, None)
        elif self.attempts[request] and choice % 5 == 0:
            trail.close()
        else:
            running = attempt(request)
            trail.begin(running)
            self.attempts[request] += 1
            self.begun = request
            self.requests[slot] = (request, trail, running)

    def flush(self, choice: int) -> None:
        """The writer's turn; it may fail between two segments."""
        self.spool.rotate()
        self.before, self.begun = self.size(), None
        for segment in self.spool.undrained()[: 1 + choice % 3]:
            list(drain_module.drain(segment, dead=False, using=self.ledger.alias))
            segment.unlink()
            self.spool.drained(segment)
        while lines := self.spool.held():
            upsert([decode(line) for line in lines], self.ledger.alias)
            self.spool.release(len(lines))

    def rotate(self, _: int) -> None:
        self.before, self.begun = self.size(), None
        self.caught_up = self.in_trouble()
        self.spool.rotate()

    def in_trouble(self) -> bool:
        """Whether memory holds what no disk has."""
        return self.spool._to_carry or bool(self.spool._backlog)

    def fill(self, _: int) -> None:
        """The disk takes nothing, until it takes something again."""
        self.before, self.begun = self.size(), None
        self.spool._most_bytes = UNBOUNDED if self.spool._most_bytes == 0 else 0

    def kill(self, choice: int) -> None:
        """In the midst of the last write, or after it."""
        path, size = self.size()
        if self.in_trouble() or self.caught_up:
            self.unwritten |= self.seen
        kill(self.spool)
        if path is not None:
            intact = self.before[1] if path == self.before[0] else 0
            kept = size - choice % (size - intact + 1)
            os.truncate(path, kept)
            if kept < size and self.begun:
                self.doubtful.add(self.begun)
        self.start()

    def adopt(self, choice: int) -> None:
        """Whole, or until that process is killed too."""
        adopt(self.root, self.ledger, None if choice % 2 else choice // 2 % 7)

    def copy(self, choice: int) -> None:
        """Somebody makes a copy of a segment of a dead process."""
        dead = [
            path
            for directory in sorted(self.root.glob("[!.]*/"))
            if directory != self.spool.directory
            for path in segments(directory)
            if not is_copy(path)
        ]
        if dead:
            path = dead[choice % len(dead)]
            shutil.copy(path, path.with_name(f"copy-{choice}.jsonl"))

    def check(self) -> None:
        self.kill(0)
        counted = self.ledger.rows.count() + adopt(self.root, self.ledger)
        assert counted == self.ledger.rows.count()
        found: dict[str, list[bool]] = {}
        for request, is_last in self.ledger.rows.values_list("request_uuid", "is_last"):
            found.setdefault(request.hex, []).append(is_last)
        assert {request: marks for request, marks in found.items() if sum(marks) > 1} == {}
        for request, attempts in self.attempts.items():
            if request in self.unwritten:
                continue
            assert sum(found.get(request, [True])) == 1
            assert attempts - (request in self.doubtful) <= len(found.get(request, [])) <= attempts


OPERATIONS = (*["go_on"] * 12, "flush", "flush", "rotate", "kill", "adopt", "copy", "fill")
SCRIPTS = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 10_000)), min_size=8, max_size=60)


@settings(max_examples=150)
@given(script=SCRIPTS)
def test_any_attempts_kills_and_replays(script: list[tuple[str, int]], root: Path, ledger: Ledger):
    shutil.rmtree(root, ignore_errors=True)
    ledger.rows.all().delete()
    machine = Machine(root, ledger)

    for operation, choice in script:
        getattr(machine, operation)(choice)

    machine.check()
