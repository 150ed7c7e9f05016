import io
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.core.management import CommandError, call_command

from apps.analytics import retention, tasks
from apps.analytics.drain import _insert
from apps.analytics.models import UsageEventRow
from apps.core import clock
from tests.analytics.conftest import Ledger
from tests.analytics.examples import ended

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0


def test_deletes_events_older_than_ninety_days_and_no_others(ledger: Ledger):
    old, young = ended(at=NOW - 90 * DAY - 1), ended(at=NOW - 90 * DAY + 1)
    _insert([old, young], ledger.alias)

    deleted = retention.purge(NOW, using=ledger.alias)

    assert deleted == 1
    assert list(ledger.outcomes()) == [young.id]


def test_deletes_in_batches_until_nothing_is_left(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    _insert([ended(at=NOW - 100 * DAY) for _ in range(35)], ledger.alias)

    assert retention.purge(NOW, using=ledger.alias) == 35


def test_stops_when_its_time_is_used_up_and_starts_with_the_oldest(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 10)
    events = [ended(at=NOW - (200 - day) * DAY) for day in range(35)]
    _insert(events, ledger.alias)

    deleted = retention.purge(NOW, budget_s=0, using=ledger.alias)

    assert deleted == 10
    assert set(ledger.outcomes()) == {event.id for event in events[10:]}


@pytest.fixture
def hundred_days_old() -> UsageEventRow:
    return UsageEventRow.objects.create(
        id="0" * 32,
        at=datetime.fromtimestamp(clock.now(), UTC) - timedelta(days=100),
        user_id=1,
        provider="groq",
        model="m",
        endpoint="chat",
        outcome="success",
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("hundred_days_old")
def test_the_task_purges():
    assert tasks.purge_usage() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("hundred_days_old")
def test_the_command_tells_a_script_what_it_did():
    output = io.StringIO()

    call_command("purge_usage", "--days", "120", "--json", stdout=output)
    call_command("purge_usage", "--json", stdout=output)

    answers = [orjson.loads(line) for line in output.getvalue().splitlines()]
    assert answers == [{"days": 120, "deleted": 0}, {"days": 90, "deleted": 1}]


@pytest.mark.django_db
@pytest.mark.usefixtures("hundred_days_old")
def test_the_command_refuses_to_empty_the_ledger():
    with pytest.raises(CommandError, match="at least 1"):
        call_command("purge_usage", "--days", "0")

    assert UsageEventRow.objects.count() == 1
