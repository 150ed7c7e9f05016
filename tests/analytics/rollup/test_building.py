"""Rollups are what the events come to: whatever their order, and however often they are made."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apps.analytics.drain import _not_the_last
from apps.analytics.models import DailyRollup, UnrolledHour, UsageDigest, UsageEventRow
from apps.analytics.rollup import counting
from apps.analytics.rollup.building import roll_up
from apps.analytics.rollup.pending import pending, roll_up_pending
from apps.analytics.upsert import upsert
from apps.core.ids import uuid7
from tests.analytics.conftest import Ledger
from tests.analytics.examples import begun, ended
from tests.analytics.rollup.events import NOW, ago, empty, events, roll_up_all

FEW = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking rolls up for minutes
)
YESTERDAY = NOW.date() - timedelta(days=1)
STORED = ("total", "parts", "ends", "spent")


def rolled(ledger: Ledger) -> list[dict[str, Any]]:
    """All rows, but for what is new in each build."""
    rows: list[dict[str, Any]] = [
        dict(row)
        for model in (DailyRollup, UsageDigest)
        for row in model.objects.using(ledger.alias).values()
    ]
    plain = [{name: row[name] for name in row if name not in ("id", "build", *STORED)} for row in rows]
    contents = [{name: msgspec.msgpack.decode(row[name]) for name in STORED if row.get(name)} for row in rows]
    return sorted(map(dict.__or__, plain, contents), key=lambda row: repr(list(row.items())[:7]))


def moment(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def spans(ledger: Ledger, grain: str) -> list[tuple[datetime, datetime]]:
    """From when to when there are digests of everybody."""
    rows = UsageDigest.objects.using(ledger.alias).filter(grain=grain, user_id=0).order_by("start")
    return list(rows.values_list("start", "until"))


@FEW
@given(st.lists(events(2), min_size=1, max_size=15), st.data())
def test_any_order_and_any_repetition_come_to_the_same(ledger: Ledger, happened, data):
    empty(ledger)
    upsert(happened, ledger.alias)
    roll_up_all(ledger)
    at_once = rolled(ledger)
    empty(ledger)

    for event in data.draw(st.permutations(happened)):
        upsert([event], ledger.alias)
        if data.draw(st.booleans()):
            roll_up_all(ledger)
    roll_up_all(ledger)
    first = datetime.fromtimestamp(min(event.at for event in happened), UTC).date()
    days = [first + timedelta(days=days) for days in range((NOW.date() - first).days + 1)]
    for day in data.draw(st.lists(st.sampled_from(days), max_size=4)):
        assert roll_up(day, NOW, ledger.alias, anew=True)

    assert rolled(ledger) == at_once


@FEW
@given(st.lists(events(2), max_size=30))
def test_the_days_have_the_sums_of_their_events(ledger: Ledger, happened):
    empty(ledger)
    upsert(happened, ledger.alias)

    roll_up_all(ledger)

    expected: dict[Any, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for event in happened:
        day = datetime.fromtimestamp(event.at, UTC).date()
        key = (event.user_id, day, event.provider, event.model, event.strategy, event.client_id or 0)
        sums, attempts = expected[key], int(event.outcome != "refused")
        sums["attempts"] += attempts
        sums["charged_attempts"] += attempts * (event.error_kind != "model_gone")
        sums["requests"] += event.stands_for * event.is_last
        sums["refusals"] += event.stands_for * (event.outcome == "refused")
        sums["successes"] += event.is_last and event.outcome == "success"
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"):
            sums[name] += getattr(event, name)
        sums["cost_microusd"] += event.cost_microusd or 0
        sums["saved_microusd"] += event.saved_microusd or 0
        sums["cost_unknown"] += attempts * (event.cost_microusd is None)
        sums["saved_unknown"] += attempts * (event.saved_microusd is None)
        for metric, amount in event.charged.items():
            sums[metric] += amount
        sums["latest"] = max(sums["latest"] or event.at, event.at)
    found = {}
    for row in DailyRollup.objects.using(ledger.alias):
        key = (row.user_id, row.day, row.provider, row.model, row.strategy, row.client_id)
        sums = {name: value for name in expected[key] if (value := getattr(row, name, None)) is not None}
        found[key] = sums | row.charged | {"latest": row.latest.timestamp()}
    assert found == {key: dict(sums) for key, sums in expected.items()}


def test_hours_that_are_over_are_rolled_up_and_days_and_months_as_far_as_they_go(ledger: Ledger):
    upsert([ended(at=ago(days=2)), ended(at=ago(minutes=45)), ended(at=ago(minutes=5))], ledger.alias)

    roll_up_all(ledger)

    assert len(spans(ledger, "hour")) == 2 * 24 + 12
    assert spans(ledger, "day") == [
        (moment(2, 27), moment(2, 28)),
        (moment(2, 28), moment(3, 1)),
        (moment(3, 1), moment(3, 1, 12)),
    ]
    assert spans(ledger, "month") == [(moment(2, 1), moment(3, 1))]
    assert DailyRollup.objects.using(ledger.alias).filter(day=NOW.date()).get().attempts == 2


def test_a_day_that_is_over_is_rolled_up_to_its_end(ledger: Ledger):
    upsert([ended(at=ago(days=2)), ended(at=ago(hours=1))], ledger.alias)
    roll_up_all(ledger)

    roll_up_all(ledger, moment(3, 3, 1))

    assert spans(ledger, "day")[2:] == [
        (moment(3, 1), moment(3, 2)),
        (moment(3, 2), moment(3, 3)),
        (moment(3, 3), moment(3, 3, 1)),
    ]
    assert spans(ledger, "month")[1:] == [(moment(3, 1), moment(3, 3))]
    assert pending(moment(3, 3, 1), ledger.alias) == []


def test_a_late_event_calls_for_its_day_and_no_other(ledger: Ledger):
    upsert([ended(at=ago(days=days)) for days in range(4)], ledger.alias)
    roll_up_all(ledger)
    assert pending(NOW, ledger.alias) == [NOW.date()]  # which is not over

    upsert([ended(at=ago(days=2))], ledger.alias)

    assert pending(NOW, ledger.alias) == [NOW.date(), NOW.date() - timedelta(days=2)]
    roll_up_all(ledger)
    row = DailyRollup.objects.using(ledger.alias).get(day=NOW.date() - timedelta(days=2))
    assert row.attempts == 2


def test_an_attempt_that_ends_after_its_hour_was_rolled_up_replaces_what_was_known_of_it(ledger: Ledger):
    event = begun(at=ago(hours=3))
    upsert([event], ledger.alias)
    roll_up_all(ledger)

    upsert([ended(event, prompt_tokens=7)], ledger.alias)
    roll_up_all(ledger)

    row = DailyRollup.objects.using(ledger.alias).get()
    assert (row.attempts, row.successes, row.prompt_tokens) == (1, 1, 7)


def test_an_attempt_that_is_the_last_no_more_calls_for_its_day(ledger: Ledger):
    event = ended(at=ago(days=1), is_last=True, request_uuid=uuid7())
    upsert([event], ledger.alias)
    roll_up_all(ledger)

    _not_the_last([event.id, "no id"], ledger.alias)
    roll_up_all(ledger)

    assert DailyRollup.objects.using(ledger.alias).get().requests == 0


def test_what_is_written_while_a_day_is_rolled_up_calls_for_it_again(ledger: Ledger, monkeypatch):
    upsert([ended(at=ago(days=1))], ledger.alias)
    count = counting.counted

    def counted_just_too_soon(*arguments: Any):
        groups = list(count(*arguments))
        upsert([ended(at=ago(days=1))], ledger.alias)
        return groups

    with monkeypatch.context() as patch:
        patch.setattr(counting, "counted", counted_just_too_soon)
        assert roll_up(YESTERDAY, NOW, ledger.alias)

    assert YESTERDAY in pending(NOW, ledger.alias)
    roll_up_all(ledger)
    row = DailyRollup.objects.using(ledger.alias).get()
    assert row.attempts == UsageEventRow.objects.using(ledger.alias).count() > 24


def test_who_is_overtaken_changes_nothing_and_leaves_the_marks(ledger: Ledger, monkeypatch):
    """Two at once: the one that has read less must not have the last word."""
    upsert([ended(at=ago(days=1))], ledger.alias)
    roll_up_all(ledger)
    count = counting.counted
    overtaking = [ended(at=ago(days=1, minutes=1))]

    def counted_and_overtaken(*arguments: Any):
        groups = list(count(*arguments))
        if overtaking:
            upsert([overtaking.pop()], ledger.alias)
            assert roll_up(YESTERDAY, NOW, ledger.alias)
            upsert([ended(at=ago(days=1, minutes=2))], ledger.alias)
        yield from groups

    monkeypatch.setattr(counting, "counted", counted_and_overtaken)

    assert not roll_up(YESTERDAY, NOW, ledger.alias, anew=True)
    assert DailyRollup.objects.using(ledger.alias).get().attempts == 2
    assert UnrolledHour.objects.using(ledger.alias).count() == 1


def test_a_run_ends_when_its_time_is_up_and_begins_with_the_newest_day(ledger: Ledger, monkeypatch):
    upsert([ended(at=ago(days=days)) for days in range(4)], ledger.alias)
    moments = iter([0.0, 0.0, 0.0, 99.0])
    monkeypatch.setattr("apps.analytics.rollup.pending.clock.monotonic", lambda: next(moments))

    done = roll_up_pending(NOW.timestamp(), budget_s=10, using=ledger.alias)

    assert (done.days, done.left) == (2, True)
    assert pending(NOW, ledger.alias)[1:] == [NOW.date() - timedelta(days=days) for days in (2, 3)]


def test_a_clock_that_was_wrong_by_decades_costs_nothing(ledger: Ledger):
    upsert([ended(at=1.0), ended(at=ago(hours=-300_000))], ledger.alias)

    days = pending(NOW, ledger.alias)

    assert len(days) == 731
