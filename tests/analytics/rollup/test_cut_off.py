"""Rolling up that is killed at any point, done twice at once, or by a clock that jumps, comes to the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections, transaction

from apps.analytics import retention
from apps.analytics.history import carried
from apps.analytics.models import DailyRollup, UsageEventRow
from apps.analytics.reports.reading import Filters, read
from apps.analytics.reports.windows import of_days
from apps.analytics.rollup.pending import pending, roll_up_pending
from apps.analytics.upsert import upsert
from tests.analytics.conftest import Ledger
from tests.analytics.examples import ended
from tests.analytics.rollup.events import NOW, ago, empty, roll_up_all
from tests.analytics.rollup.test_building import rolled

EARLY = datetime(2026, 3, 2, 2, 10, tzinfo=UTC)
"""Not much of the day is over."""


class KilledError(BaseException):
    """Nobody expects it, as a process that is killed does not."""


def told(ledger: Ledger, now: datetime = NOW, zone: str = "UTC", days: int = 4) -> tuple[int, list[int]]:
    """Attempts in all, and of each day."""
    reading = read(of_days(days, None, ZoneInfo(zone), now), Filters(), ledger.alias)
    return reading.whole.total.attempts, [bucket.attempts for bucket in reading.buckets]


def killed_after(commits: int, work, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do it, and be killed when so many transactions were over. Whether it was."""
    left = commits
    leave = transaction.Atomic.__exit__

    def over(self: Any, *exception: Any) -> None:
        nonlocal left
        leave(self, *exception)
        left -= 1
        if left == 0:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(transaction.Atomic, "__exit__", over)
        try:
            work()
        except KilledError:
            return True
    return False


def test_a_rollup_that_is_killed_between_any_two_steps_goes_on(ledger: Ledger, monkeypatch):
    def happened() -> None:
        empty(ledger)
        upsert([ended(at=EARLY.timestamp() - 3600 * hours) for hours in (1, 2)], ledger.alias)
        roll_up_all(ledger, EARLY)
        upsert([ended(at=EARLY.timestamp() - 3600)], ledger.alias)

    happened()
    roll_up_all(ledger, EARLY)
    clean, truth = rolled(ledger), told(ledger, EARLY)

    for commits in range(1, 30):
        happened()
        was_killed = killed_after(commits, lambda: roll_up_all(ledger, EARLY), monkeypatch)
        assert told(ledger, EARLY) == truth
        roll_up_all(ledger, EARLY)
        assert rolled(ledger) == clean
        if not was_killed:
            break
    assert 3 < commits < 29


def test_a_purge_that_is_killed_between_any_two_steps_goes_on(ledger: Ledger, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)

    def purged() -> int:
        return retention.purge(EARLY.timestamp(), days=0, using=ledger.alias)

    for commits in range(1, 30):
        empty(ledger)
        upsert([ended(at=EARLY.timestamp() - 60 * minutes) for minutes in (5, 145, 146, 147)], ledger.alias)
        roll_up_all(ledger, EARLY)
        was_killed = killed_after(commits, purged, monkeypatch)
        assert told(ledger, EARLY)[0] == 4
        purged()
        assert told(ledger, EARLY)[0] == 4
        assert ledger.rows.count() == 1
        assert [bucket.requests for bucket in carried(using=ledger.alias)] == [3]
        if not was_killed:
            break
    assert 2 < commits < 29


def test_two_that_roll_up_and_one_that_writes_come_to_the_truth(ledger: Ledger):
    batches = [
        [ended(at=ago(hours=hours % 30, minutes=batch + 1)) for hours in range(7)] for batch in range(12)
    ]

    def write() -> None:
        for batch in batches:
            upsert(batch, ledger.alias)
        connections[ledger.alias].close()

    def roll_up() -> None:
        for _ in range(4):
            roll_up_pending(NOW.timestamp(), budget_s=60, using=ledger.alias)
        connections[ledger.alias].close()

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(work) for work in (write, roll_up, roll_up)]:
            each.result()

    assert told(ledger)[0] == 7 * 12
    roll_up_all(ledger)
    assert told(ledger)[0] == 7 * 12
    assert sum(row.attempts for row in DailyRollup.objects.using(ledger.alias)) == 7 * 12


def test_a_clock_that_was_ahead_and_came_back_makes_no_report_wrong(ledger: Ledger):
    """Hours that had not come were rolled up as over, and empty."""
    upsert([ended(at=ago(hours=30))], ledger.alias)
    roll_up_all(ledger, NOW + timedelta(days=2))

    upsert([ended(at=ago(minutes=5)), ended(at=ago(hours=2))], ledger.alias)
    assert told(ledger)[0] == 3
    roll_up_all(ledger)
    later = NOW + timedelta(hours=20)
    upsert([ended(at=later.timestamp() - 600)], ledger.alias)

    assert told(ledger, later)[0] == 4
    roll_up_all(ledger, later)
    assert told(ledger, later)[0] == 4
    assert told(ledger, later, "America/Los_Angeles")[0] == 4


@pytest.mark.parametrize(
    ("zone", "now"),
    [
        ("Europe/Berlin", datetime(2026, 3, 30, 9, 20, tzinfo=UTC)),  # 23 hours on the 29th
        ("Europe/Berlin", datetime(2026, 10, 26, 9, 20, tzinfo=UTC)),  # 25 hours on the 25th
        ("America/Santiago", datetime(2026, 9, 7, 9, 20, tzinfo=UTC)),  # no midnight on the 6th
        ("Australia/Lord_Howe", datetime(2026, 4, 6, 9, 20, tzinfo=UTC)),  # half an hour
        ("Asia/Kathmandu", datetime(2026, 4, 6, 9, 20, tzinfo=UTC)),  # 45 minutes past
    ],
)
def test_a_day_on_which_clocks_change_has_all_of_its_events_and_no_others(ledger: Ledger, zone, now):
    at = [now - timedelta(minutes=15 * number + 1) for number in range(4 * 24 * 3)]
    upsert([ended(at=moment.timestamp()) for moment in at], ledger.alias)
    today = now.astimezone(ZoneInfo(zone)).date()
    days = [today - timedelta(days=back) for back in (3, 2, 1, 0)]
    expected = [sum(moment.astimezone(ZoneInfo(zone)).date() == day for moment in at) for day in days]

    assert told(ledger, now, zone) == (len(at), expected)
    roll_up_all(ledger, now)
    assert told(ledger, now, zone) == (len(at), expected)


def test_a_day_without_an_event_between_two_is_told_as_empty(ledger: Ledger):
    upsert([ended(at=ago(days=2)), ended(at=ago(minutes=1))], ledger.alias)
    roll_up_all(ledger)

    assert told(ledger) == (2, [0, 1, 0, 1])
    assert pending(NOW, ledger.alias) == [NOW.date()]


def test_no_user_is_taken_for_everybody(ledger: Ledger):
    UsageEventRow.objects.using(ledger.alias).create(
        id="f" * 32,
        at=NOW - timedelta(hours=5),
        user_id=0,
        provider="p",
        model="m",
        endpoint="chat",
        outcome="success",
    )
    upsert([ended(at=ago(hours=5))], ledger.alias)

    roll_up_all(ledger)

    assert told(ledger)[0] == 2
