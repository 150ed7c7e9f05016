from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from structlog.testing import capture_logs

from apps.analytics import drain as drain_module
from apps.analytics import upsert as upsert_module
from apps.analytics.drain import BATCH
from apps.analytics.events import OF_THE_SPOOL, UsageEvent
from apps.analytics.models import UsageEventRow
from apps.analytics.segments import encode
from apps.analytics.spool import Spool
from apps.analytics.upsert import upsert
from apps.core.ids import uuid7
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
    columns = {field.column for field in UsageEventRow._meta.concrete_fields}
    assert set(UsageEvent.__struct_fields__) - OF_THE_SPOOL == columns


def test_a_row_holds_what_the_event_said(ledger: Ledger, segment: Path):
    request = uuid7()
    event = ended(
        client_id=4,
        stream=True,
        cached_tokens=5,
        reasoning_tokens=6,
        cost_microusd=7,
        ttfb_ms=8.5,
        connect_ms=1.5,
        request_uuid=request,
        is_last=True,
        stands_for=9,
    )

    drain(write(segment, event), dead=False, using=ledger.alias)

    row = ledger.rows.get()
    ids = {"id": UUID(event.id), "request_uuid": UUID(request)}
    said = {name: value for name, value in asdict(event).items() if name not in OF_THE_SPOOL}
    expected = said | ids | {"at": datetime.fromtimestamp(AT, UTC)}
    assert {name: getattr(row, name) for name in expected} == expected


def test_a_price_that_nobody_knows_is_no_price_of_nothing(ledger: Ledger, segment: Path):
    drain(write(segment, ended(saved_microusd=0)), dead=False, using=ledger.alias)

    row = ledger.rows.get()
    assert (row.cost_microusd, row.saved_microusd) == (None, 0)


def test_an_event_from_before_requests_could_be_counted_is_nobodys_last(ledger: Ledger, segment: Path):
    drain(write(segment, ended()), dead=False, using=ledger.alias)

    row = ledger.rows.get()
    assert (row.request_uuid, row.is_last, row.stands_for) == (None, False, 1)


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


EVENT = begun(is_last=True)
TWICE = {
    "the same": ([ended(EVENT), ended(EVENT)], ("success", True, 0)),
    "two ends": (
        [ended(EVENT, completion_tokens=1), ended(EVENT, completion_tokens=2)],
        ("success", True, 1),
    ),
    "the last no more": ([ended(EVENT), ended(EVENT, is_last=False)], ("success", False, 0)),
    "not the last, and so told again": ([ended(EVENT, is_last=False), ended(EVENT)], ("success", False, 0)),
}


@pytest.mark.parametrize(("events", "expected"), TWICE.values(), ids=TWICE.keys())
@pytest.mark.parametrize("together", [True, False])
def test_an_id_that_comes_twice_is_one_row(
    ledger: Ledger, segment: Path, events: list[UsageEvent], expected: tuple[str, bool, int], together: bool
):
    for each in [[*events, ended()]] if together else [[event] for event in events]:
        drain(write(segment, *each), dead=False, using=ledger.alias)

    row = ledger.rows.get(id=EVENT.id)
    assert (row.outcome, row.is_last, row.completion_tokens) == expected


@settings(max_examples=40)
@given(
    tellings=st.lists(
        st.tuples(st.sampled_from(["interrupted", "error", "success"]), st.booleans(), st.integers(0, 3)),
        min_size=1,
        max_size=6,
    )
)
def test_a_batch_is_what_its_events_come_to_one_by_one(ledger: Ledger, tellings: list[tuple[Any, bool, int]]):
    together, apart = uuid7(), uuid7()
    events = [
        begun(outcome=outcome, is_last=is_last, completion_tokens=tokens)
        for outcome, is_last, tokens in tellings
    ]

    upsert([replace(event, id=together) for event in events], ledger.alias)
    for event in events:
        upsert([replace(event, id=apart)], ledger.alias)

    columns = ("outcome", "is_last", "completion_tokens")
    assert ledger.rows.values_list(*columns).get(id=together) == ledger.rows.values_list(*columns).get(
        id=apart
    )


@pytest.mark.parametrize("ledger", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_role_without_the_right_to_temporary_tables_writes_all_the_same(
    ledger: Ledger, segment: Path, monkeypatch: pytest.MonkeyPatch
):
    refusal = "DO $$ BEGIN RAISE insufficient_privilege; END $$"
    monkeypatch.setattr(upsert_module, "_CREATE", refusal)
    events = [ended() for _ in range(BATCH + 1)]

    with capture_logs() as logs:
        drain(write(segment, *events), dead=False, using=ledger.alias)

    assert ledger.outcomes() == {event.id: "success" for event in events}
    assert [line["event"] for line in logs] == ["usage.no_copy"]


def test_an_id_that_comes_twice_in_other_letters_stops_nothing(ledger: Ledger, segment: Path):
    """Somebody's hand was in the file."""
    other = ended()

    drain(
        write(segment, ended(EVENT), ended(EVENT, id=EVENT.id.upper()), other), dead=False, using=ledger.alias
    )

    assert ledger.rows.filter(id=other.id).exists()


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


def test_one_event_that_no_database_takes_costs_few_transactions(
    ledger: Ledger, segment: Path, monkeypatch: pytest.MonkeyPatch
):
    """A turn of the database has an end."""
    written: list[int] = []

    def counted(batch: list[UsageEvent], using: str) -> None:
        written.append(len(batch))
        upsert(batch, using)

    monkeypatch.setattr(drain_module, "upsert", counted)
    events = [ended() for _ in range(BATCH)]
    events[700] = ended(prompt_tokens=-1)

    drain(write(segment, *events), dead=False, using=ledger.alias)

    assert ledger.rows.count() == BATCH - 1
    assert len(written) < 30


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
