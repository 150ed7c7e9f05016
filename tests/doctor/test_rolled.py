"""Rollups against the events that they were made of."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.analytics.drain import write
from apps.analytics.models import DailyRollup, UsageDigest, UsageEventRow
from apps.analytics.rollup.pending import roll_up_pending
from apps.core import clock
from apps.core.ids import uuid7
from freeai.doctor import rolled
from tests.analytics.examples import ended

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(tmp_path: Path) -> datetime:
    """Yesterday, with some events, rolled up."""
    yesterday = datetime.fromtimestamp(clock.now(), UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    ) - timedelta(days=1)
    events = [
        ended(at=yesterday.timestamp() + 3600 * hour, request_uuid=uuid7(), is_last=True, cost_microusd=hour)
        for hour in range(0, 24, 3)
    ]
    write(events, using="default", root=tmp_path)
    roll_up_pending(clock.now(), budget_s=60)
    return yesterday


def test_a_day_that_was_rolled_up_agrees(day: datetime):
    assert [(each.level, "8 attempts, 8 requests" in each.text) for each in rolled.compared(day)] == [
        ("ok", True)
    ]
    assert day in rolled.days(day - timedelta(days=2))


def test_a_rollup_that_says_something_else_is_told_by_measure(day: datetime):
    row = DailyRollup.objects.get(day=day.date())
    row.requests += 1
    row.save(update_fields=["requests"])

    found = list(rolled.compared(day))

    assert [
        (each.level, "requests are 8 in the events, 9 in the daily rollup" in each.text) for each in found
    ] == [("error", True)]


def test_events_that_went_without_a_word(day: datetime):
    UsageEventRow.objects.filter(cost_microusd__gte=12).delete()

    found = [each.text for each in rolled.compared(day) if each.level == "error"]

    assert any("attempts are 4 in the events, 8 in the daily rollup" in text for text in found)
    assert any("cost_microusd are" in text and "in the digest" in text for text in found)


def test_a_day_to_which_is_still_written_is_left_alone(day: datetime, tmp_path: Path):
    write([ended(at=day.timestamp() + 60)], using="default", root=tmp_path)

    assert [each.level for each in rolled.compared(day)] == ["note"]


def test_a_day_that_nobody_rolled_up(day: datetime):
    UsageDigest.objects.all().delete()

    assert [each.remedy for each in rolled.compared(day)] == ["manage.py rollup_usage"]
