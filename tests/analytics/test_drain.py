from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import asdict

from apps.analytics import drain as drain_module
from apps.analytics.drain import BATCH
from apps.analytics.events import UsageEvent
from apps.analytics.models import UsageEventRow
from apps.analytics.segments import encode
from apps.analytics.spool import Spool
from tests.analytics.conftest import Ledger
from tests.analytics.examples import AT, begun, ended, rotated


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    directory = tmp_path / "root" / "process"
    directory.mkdir(parents=True)
    return directory / "000001.jsonl"


def write(segment: Path, *events: UsageEvent) -> Path:
    segment.write_bytes(b"".join(map(encode, events)))
    return segment


def drain(segment: Path, **options) -> int:
    """All steps of one segment; how many events they wrote."""
    return sum(drain_module.drain(segment, **options))


def test_every_field_of_an_event_has_its_column():
    assert set(UsageEvent.__struct_fields__) == {
        field.column for field in UsageEventRow._meta.concrete_fields
    }


def test_a_row_holds_what_the_event_said(ledger: Ledger, segment: Path):
    event = ended(client_id=4, stream=True, cached_tokens=5, reasoning_tokens=6, cost_microusd=7, ttfb_ms=8.5)

    drain(write(segment, event), dead=False, using=ledger.alias)

    row = ledger.rows.get()
    expected = asdict(event) | {"id": row.id, "at": datetime.fromtimestamp(AT, UTC)}
    assert row.id.hex == event.id
    assert {name: getattr(row, name) for name in expected} == expected


def test_an_open_attempt_of_a_living_process_is_not_written(ledger: Ledger, segment: Path):
    open_, done = begun(), begun()

    count = drain(write(segment, open_, done, ended(done)), dead=False, using=ledger.alias)

    assert count == 1
    assert ledger.outcomes() == {done.id: "success"}


def test_an_open_attempt_of_a_dead_process_is_written_as_interrupted(ledger: Ledger, segment: Path):
    open_, done = begun(), begun()

    drain(write(segment, open_, done, ended(done)), dead=True, using=ledger.alias)

    assert ledger.outcomes() == {open_.id: "interrupted", done.id: "success"}


def test_an_attempt_carried_over_and_ended_is_written_once(ledger: Ledger, segment: Path):
    event = begun()
    later = segment.with_name("000002.jsonl")
    write(segment, event)
    write(later, event, ended(event))

    for each in (segment, later):
        drain(each, dead=True, using=ledger.alias)

    assert ledger.outcomes() == {event.id: "success"}


def test_a_final_event_replaces_an_interrupted_row(ledger: Ledger, segment: Path):
    event = begun()
    drain(write(segment, event), dead=True, using=ledger.alias)

    drain(write(segment, ended(event, completion_tokens=42)), dead=False, using=ledger.alias)

    row = ledger.rows.get()
    assert (row.outcome, row.completion_tokens, row.estimated) == ("success", 42, False)


def test_an_interrupted_event_never_replaces_a_final_row(ledger: Ledger, segment: Path):
    event = begun()
    drain(write(segment, ended(event, outcome="error", error_kind="network")), dead=False, using=ledger.alias)

    drain(write(segment, event), dead=True, using=ledger.alias)

    assert ledger.outcomes() == {event.id: "error"}


def test_a_replay_changes_nothing(ledger: Ledger, segment: Path):
    events = [ended() for _ in range(BATCH + 3)]
    write(segment, *events)
    drain(segment, dead=True, using=ledger.alias)

    drain(segment, dead=True, using=ledger.alias)

    assert ledger.outcomes() == {event.id: "success" for event in events}


def test_a_drained_segment_that_is_gone_is_no_error(ledger: Ledger, segment: Path):
    assert drain(segment, dead=False, using=ledger.alias) == 0


def test_texts_are_cut_to_their_columns(ledger: Ledger, segment: Path):
    good, hostile = ended(), ended(virtual_model="x" * 500, model="nul\0byte")

    drain(write(segment, good, hostile), dead=False, using=ledger.alias)

    outcomes = ledger.outcomes()
    assert outcomes == {good.id: "success", hostile.id: "success"}


@pytest.mark.parametrize("impossible", [{"prompt_tokens": -1}, {"prompt_tokens": 2**70}, {"at": 1e300}])
def test_an_event_that_no_database_takes_is_set_aside(ledger: Ledger, segment: Path, impossible: dict):
    good, bad, also_good = ended(), ended(**impossible), ended()

    drain(write(segment, good, bad, also_good), dead=False, using=ledger.alias)

    assert ledger.outcomes() == {good.id: "success", also_good.id: "success"}
    assert bad.id in (segment.parent.parent / "refused.jsonl").read_text()


def test_a_listener_hears_each_batch_after_its_commit(ledger: Ledger, segment: Path):
    events = [ended() for _ in range(BATCH + 1)]
    heard: list[tuple[int, int]] = []

    drain(
        write(segment, *events),
        dead=False,
        using=ledger.alias,
        on_written=lambda batch: heard.append((len(batch), ledger.rows.count())),
    )

    assert heard == [(BATCH, BATCH), (1, BATCH + 1)]


def fail(batch) -> None:
    raise RuntimeError("a listener failed")


def test_a_failing_listener_does_not_stop_the_ledger(ledger: Ledger, segment: Path, monkeypatch):
    logged: list[str] = []
    monkeypatch.setattr(drain_module.log, "exception", logged.append, raising=False)

    drain(write(segment, ended()), dead=False, using=ledger.alias, on_written=fail)

    assert ledger.rows.count() == 1
    assert logged == ["usage.listener_failed"]


def test_two_processes_drain_their_own_directories(ledger: Ledger, root: Path):
    one, two = Spool(root), Spool(root)
    events = [ended(), ended()]
    one.end(events[0])
    two.end(events[1])

    for spool in (one, two):
        drain(rotated(spool), dead=False, using=ledger.alias)
        spool.close()

    assert one.directory != two.directory
    assert ledger.outcomes() == {event.id: "success" for event in events}
