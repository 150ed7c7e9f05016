import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from apps.analytics import history, retention, tasks
from apps.analytics.models import DailyRollup, UsageDigest, UsageEventRow
from apps.analytics.reports.reading import Filters, read
from apps.analytics.reports.windows import of_days
from apps.analytics.rollup import building, counting
from apps.analytics.rollup.digests import unpack_total
from apps.analytics.rollup.expiry import expire
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.pending import roll_up_pending
from apps.analytics.upsert import upsert
from apps.core import clock
from tests.analytics.conftest import Ledger
from tests.analytics.examples import ended, refused

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0


def test_deletes_events_older_than_ninety_days_and_no_others(ledger: Ledger):
    old, young = ended(at=NOW - 90 * DAY - 1), ended(at=NOW - 90 * DAY + 1)
    upsert([old, young], ledger.alias)

    deleted = retention.purge(NOW, using=ledger.alias)

    assert deleted == 1
    assert list(ledger.outcomes()) == [young.id]


def test_deletes_in_batches_until_nothing_is_left(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    upsert([ended(at=NOW - 91 * DAY) for _ in range(35)], ledger.alias)

    assert retention.purge(NOW, using=ledger.alias) == 35


def test_stops_when_its_time_is_used_up_and_starts_with_the_oldest(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 10)
    events = [ended(at=NOW - (95 - day / 10) * DAY) for day in range(35)]
    upsert(events, ledger.alias)
    roll_up_pending(NOW, budget_s=600, using=ledger.alias)

    deleted = retention.purge(NOW, budget_s=0, using=ledger.alias)

    assert deleted == 10
    assert set(ledger.outcomes()) == {event.id for event in events[10:]}


def test_what_is_carried_over_is_what_the_ledger_would_count(ledger: Ledger):
    """A refusal took nothing, nor did what a model said that is gone or not in the plan."""
    events = [
        ended(at=NOW - 91 * DAY, prompt_tokens=5),
        ended(at=NOW - 91 * DAY, outcome="error", error_kind="model_gone", prompt_tokens=0),
        ended(at=NOW - 91 * DAY, outcome="error", error_kind="not_in_plan", prompt_tokens=0),
        refused(at=NOW - 91 * DAY),
    ]
    upsert(events, ledger.alias)

    assert retention.purge(NOW, using=ledger.alias) == 4

    [carried] = history.carried(using=ledger.alias)
    assert (carried.provider, carried.requests, carried.tokens) == ("groq", 1, 5)


@pytest.fixture
def ninety_two_days_old() -> UsageEventRow:
    return UsageEventRow.objects.create(
        id="0" * 32,
        at=datetime.fromtimestamp(clock.now(), UTC) - timedelta(days=92),
        user_id=1,
        provider="groq",
        model="m",
        endpoint="chat",
        outcome="success",
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("ninety_two_days_old")
def test_the_task_purges():
    assert tasks.purge_usage() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("ninety_two_days_old")
def test_the_command_tells_a_script_what_it_did():
    output = io.StringIO()

    call_command("purge_usage", "--days", "120", "--json", stdout=output)
    call_command("purge_usage", "--json", stdout=output)

    answers = [orjson.loads(line) for line in output.getvalue().splitlines()]
    assert answers == [{"days": 120, "deleted": 0}, {"days": 90, "deleted": 1}]


@pytest.mark.django_db
@pytest.mark.usefixtures("ninety_two_days_old")
@pytest.mark.parametrize("days", ["0", "-1", "36501", "99999999999"])
def test_the_command_refuses_to_empty_the_ledger_and_what_no_calendar_has(days: str):
    with pytest.raises(CommandError, match="--days must be from 1 to 36500"):
        call_command("purge_usage", "--days", days)

    assert UsageEventRow.objects.count() == 1


def test_carries_over_what_the_deleted_used(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    old: dict[str, Any] = {"at": NOW - 91 * DAY, "prompt_tokens": 10, "completion_tokens": 3}
    upsert(
        [
            ended(**old, charged={"images": 1, "money": 7}),
            ended(**old),
            ended(**old | {"at": NOW - 90.5 * DAY}, charged={"images": 2}),
            ended(**old, provider="cohere", error_kind="model_gone"),
            ended(at=NOW - DAY),
        ],
        ledger.alias,
    )

    retention.purge(NOW, using=ledger.alias)

    carried = {bucket.provider: bucket for bucket in history.carried(using=ledger.alias)}
    assert carried["groq"].at == NOW - 90.5 * DAY
    assert carried["groq"].amounts == {
        "requests": 3,
        "tokens": 39,
        "input_tokens": 30,
        "output_tokens": 9,
        "images": 3,
        "money": 7,
    }
    assert carried["cohere"].requests == 0
    assert retention.purge(NOW, using=ledger.alias) == 0
    assert {bucket.requests for bucket in history.carried(using=ledger.alias)} == {3, 0}


def test_days_are_rolled_up_before_their_events_go(ledger: Ledger):
    upsert([ended(at=NOW - 3 * DAY), ended(at=NOW - 2.5 * DAY)], ledger.alias)

    assert retention.purge(NOW, days=2, using=ledger.alias) == 2

    days = DailyRollup.objects.using(ledger.alias)
    assert sum(row.attempts for row in days) == 2
    assert horizon(ledger.alias) == datetime.fromtimestamp(NOW - 2 * DAY, UTC)


def test_nothing_goes_that_could_not_be_rolled_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    upsert([ended(at=NOW - days * DAY) for days in (5, 4, 3)], ledger.alias)
    roll_up = building.roll_up
    held = datetime.fromtimestamp(NOW - 3 * DAY, UTC).date()
    monkeypatch.setattr(building, "roll_up", lambda day, *rest: day != held and roll_up(day, *rest))

    assert retention.purge(NOW, days=2, using=ledger.alias) == 2

    assert horizon(ledger.alias) == datetime.fromtimestamp(NOW - 3 * DAY, UTC)


def test_nobody_rolls_up_a_day_whose_events_go(ledger: Ledger):
    """Neither by a command, nor where the horizon moves while a day is counted."""
    upsert([ended(at=NOW - 3 * DAY)], ledger.alias)
    retention.purge(NOW, days=2, using=ledger.alias)

    day, now = datetime.fromtimestamp(NOW - 3 * DAY, UTC).date(), datetime.fromtimestamp(NOW, UTC)
    assert not building.roll_up(day, now, ledger.alias, anew=True)

    assert [row.attempts for row in DailyRollup.objects.using(ledger.alias)] == [1]


def test_a_day_that_is_counted_while_the_horizon_moves_stays_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    upsert([ended(at=NOW - 3 * DAY)], ledger.alias)
    roll_up_pending(NOW, budget_s=600, using=ledger.alias)
    count = counting.counted

    def counted_too_late(*arguments: Any):
        if horizon(ledger.alias) is None:
            retention.purge(NOW, days=2, using=ledger.alias)
        return count(*arguments)

    monkeypatch.setattr(counting, "counted", counted_too_late)
    day, now = datetime.fromtimestamp(NOW - 3 * DAY, UTC).date(), datetime.fromtimestamp(NOW, UTC)

    assert not building.roll_up(day, now, ledger.alias, anew=True)

    assert [row.attempts for row in DailyRollup.objects.using(ledger.alias)] == [1]


def test_what_comes_too_late_changes_no_rollup_and_goes_with_the_next_run(ledger: Ledger):
    window = of_days(9, None, ZoneInfo("UTC"), datetime.fromtimestamp(NOW, UTC))
    upsert([ended(at=NOW - 3 * DAY)], ledger.alias)
    retention.purge(NOW, days=2, using=ledger.alias)

    upsert([ended(at=NOW - 3 * DAY)], ledger.alias)

    assert read(window, Filters(), ledger.alias).whole.total.attempts == 1
    roll_up_pending(NOW, budget_s=600, using=ledger.alias)
    assert retention.purge(NOW, days=2, using=ledger.alias) == 1
    assert read(window, Filters(), ledger.alias).whole.total.attempts == 1
    [carried] = history.carried(using=ledger.alias)
    assert carried.requests == 2


def test_a_month_that_began_before_there_was_anything_is_joined_though_a_late_event_is_older(ledger: Ledger):
    """The days before the first have no rollups, and none is missed."""
    later = NOW + 8 * DAY
    upsert([ended(at=NOW + days * DAY) for days in (2, 5)], ledger.alias)
    retention.purge(later, days=4, using=ledger.alias)
    upsert([ended(at=NOW - 10 * DAY), ended(at=NOW + 5 * DAY)], ledger.alias)

    roll_up_pending(later, budget_s=600, using=ledger.alias)

    window = of_days(30, None, ZoneInfo("UTC"), datetime.fromtimestamp(later, UTC))
    assert read(window, Filters(), ledger.alias).whole.total.attempts == 3
    june = UsageDigest.objects.using(ledger.alias).get(grain="month", user_id=0)
    assert unpack_total(june.total).attempts == 3


def test_rollups_are_kept_for_two_years_and_hours_as_long_as_events(ledger: Ledger):
    old = NOW - 729 * DAY
    upsert([ended(at=old - days * DAY) for days in (3.5, 1.5, 0.5)], ledger.alias)
    retention.purge(old, days=2, using=ledger.alias)
    roll_up_pending(old, budget_s=600, using=ledger.alias)
    digests = UsageDigest.objects.using(ledger.alias)
    before = {grain: digests.filter(grain=grain).count() for grain in ("hour", "day", "month")}

    gone = expire(old, budget_s=60, using=ledger.alias)

    after = {grain: digests.filter(grain=grain).count() for grain in ("hour", "day", "month")}
    first = horizon(ledger.alias)
    assert not digests.filter(grain="hour", start__lt=first).exists()
    assert (after["day"], after["month"]) == (before["day"], before["month"])
    assert gone == before["hour"] - after["hour"] > 0
    expire(NOW, budget_s=60, using=ledger.alias)
    kept = datetime.fromtimestamp(NOW - 730 * DAY, UTC)
    assert not DailyRollup.objects.using(ledger.alias).filter(day__lt=kept.date()).exists()
    assert min(digests.filter(grain="day").values_list("start", flat=True)) == kept
    assert min(digests.filter(grain="month").values_list("until", flat=True)) > kept


def test_two_runs_at_once_carry_over_once(ledger: Ledger):
    events = [ended(at=NOW - 3 * DAY, user_id=1 + number % 3, prompt_tokens=1) for number in range(60)]
    upsert(events, ledger.alias)
    roll_up_pending(NOW, budget_s=600, using=ledger.alias)

    def run() -> int:
        try:
            return retention.purge(NOW, days=2, using=ledger.alias)
        finally:
            connections[ledger.alias].close()

    with ThreadPoolExecutor(2) as pool:
        deleted = sum(each.result() for each in [pool.submit(run), pool.submit(run)])

    assert deleted == 60
    assert sum(bucket.requests for bucket in history.carried(using=ledger.alias)) == 60


def test_a_clock_that_is_years_ahead_for_hours_has_no_ledger_deleted(ledger: Ledger):
    """The schedule believes it a day at a time; a person's command means what it says."""
    upsert([ended(at=NOW - days * DAY) for days in (3.5, 1.5, 0.5)], ledger.alias)
    retention.purge(NOW, days=3, by_schedule=True, using=ledger.alias)
    assert ledger.rows.count() == 2

    for _ in range(2):
        retention.purge(NOW + 400 * DAY, days=3, by_schedule=True, budget_s=60, using=ledger.alias)
    assert ledger.rows.count() == 1
    retention.purge(NOW, days=3, by_schedule=True, using=ledger.alias)
    assert ledger.rows.count() == 1
    retention.purge(NOW + DAY, days=3, by_schedule=True, using=ledger.alias)
    assert ledger.rows.count() == 1
