"""`manage.py rollup_usage`, and the task of Celery beat."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from apps.analytics import tasks
from apps.analytics.models import DailyRollup, LedgerHorizon, UnrolledHour, UsageDigest, UsageEventRow
from apps.analytics.rollup import building, pending
from apps.core import clock
from apps.core.ids import uuid7

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first hour of a day nothing of it is over."""
    monkeypatch.setattr(clock, "now", (TODAY + timedelta(hours=12)).timestamp)


def happened(days_ago: int) -> UsageEventRow:
    return UsageEventRow.objects.create(
        id=uuid7(),
        at=TODAY - timedelta(days=days_ago) + timedelta(seconds=1),
        user_id=1,
        provider="groq",
        model="m",
        endpoint="chat",
        outcome="success",
        is_last=True,
    )


def command(*options: str) -> Any:
    output = io.StringIO()
    call_command("rollup_usage", *options, "--json", stdout=output)
    return orjson.loads(output.getvalue())


def rolled_up() -> list[str]:
    return [str(row.day) for row in DailyRollup.objects.order_by("day")]


def builds() -> dict[str, UUID]:
    digests = UsageDigest.objects.filter(grain="day", user_id=building.EVERYBODY)
    return {str(start.date()): build for start, build in digests.values_list("start", "build")}


def day(days_ago: int) -> str:
    return str((TODAY - timedelta(days=days_ago)).date())


def test_the_task_rolls_up_what_is_not_and_is_scheduled_every_hour():
    happened(0), happened(3)

    assert tasks.rollup_usage() == 4
    assert rolled_up() == [day(3), day(0)]
    assert tasks.rollup_usage() == 0
    every_hour = [
        entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values() if entry["schedule"] == 3600
    ]
    assert tasks.rollup_usage.name in every_hour


def test_what_is_left_waits_behind_other_tasks(monkeypatch):
    happened(2)
    queued: list[str] = []
    monkeypatch.setattr(tasks.rollup_usage, "delay", lambda: queued.append("rollup_usage"))
    monkeypatch.setattr(tasks, "roll_up_pending", lambda *_, **__: pending.Done(5, left=True))

    tasks.rollup_usage()

    assert queued == ["rollup_usage"]


def test_a_day_that_cannot_be_rolled_up_keeps_no_worker_busy(monkeypatch):
    """It waits for the next hour: another day, the one that runs, is rolled up every time."""
    happened(2)
    queued: list[str] = []
    monkeypatch.setattr(tasks.rollup_usage, "delay", lambda: queued.append("rollup_usage"))
    roll_up = building.roll_up
    monkeypatch.setattr(
        building, "roll_up", lambda day, *rest: str(day) == globals()["day"](0) and roll_up(day, *rest)
    )

    assert tasks.rollup_usage() == 1

    assert queued == []


def test_without_options_the_command_does_as_the_task():
    happened(1)

    assert command() == {"days": 2}
    assert command() == {"days": 0}


def test_the_days_that_are_named_are_rolled_up_anew():
    for days_ago in range(4):
        happened(days_ago)
    command()
    before = builds()
    DailyRollup.objects.all().delete()

    assert command("--from", day(2), "--to", day(1)) == {"days": 2}

    assert rolled_up() == [day(2), day(1)]
    assert {start for start, build in builds().items() if before[start] != build} == {day(2), day(1)}


def test_one_day_is_enough():
    happened(1), happened(0)

    assert command("--to", day(1)) == {"days": 1}
    assert rolled_up() == [day(1)]


@pytest.mark.parametrize(
    "options",
    [
        ("--to", day(-1)),
        ("--from", day(6)),
        ("--from", day(800)),
    ],
)
def test_days_that_cannot_be_rolled_up_are_refused(options):
    LedgerHorizon.objects.create(day=(TODAY - timedelta(days=5)).date())

    with pytest.raises(CommandError, match=f"only days from {day(5)} on"):
        command(*options)


def test_days_that_are_the_wrong_way_round_are_told_so():
    with pytest.raises(CommandError, match=f"--to {day(3)} must not be before --from {day(2)}"):
        command("--from", day(2), "--to", day(3))


def test_what_is_no_day_is_refused():
    with pytest.raises(CommandError, match="is no day such as 2026-11-27"):
        command("--from", "yesterday")


def test_a_command_that_was_overtaken_says_so(monkeypatch):
    monkeypatch.setattr(building, "roll_up", lambda *_, **__: False)

    with pytest.raises(CommandError, match="Run it again"):
        command("--to", day(0))


def test_marks_of_deleted_days_are_taken_off():
    LedgerHorizon.objects.create(day=(TODAY - timedelta(days=5)).date())
    UnrolledHour.objects.create(hour=TODAY - timedelta(days=9), writer="w", batch=uuid7())

    command()

    assert not UnrolledHour.objects.exists()
