"""The ledger's months on PostgreSQL."""

from datetime import UTC, datetime
from random import Random

import pytest
from django.db import OperationalError, connections, transaction

from apps.analytics import history, partitions, retention, selection
from apps.analytics.partitions import make_ahead, months
from apps.analytics.rollup.horizon import horizon
from apps.analytics.rollup.pending import roll_up_pending
from apps.analytics.upsert import upsert
from apps.core.ids import uuid7
from tests.analytics.conftest import Ledger, by_month, divide
from tests.analytics.examples import Journal, begun, ended

pytestmark = pytest.mark.postgres
NOW = datetime(2030, 3, 2, 12, tzinfo=UTC).timestamp()
"""After the month for which the first partition ends."""
DAY = 86_400.0
random = Random(6)
INDEXES = """
    SELECT indexname FROM pg_indexes WHERE tablename = 'usage_events' AND schemaname = current_schema() ORDER BY 1
"""
INVALID = """
    SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace
"""


def of(month: int, day: int, year: int = 2030, **fields):
    """An attempt at noon of that day, with an id of that time."""
    at = datetime(year, month, day, 12, tzinfo=UTC).timestamp()
    own_id = int(at * 1000) << 80 | 0x7 << 76 | 0x2 << 62 | random.getrandbits(60)
    return ended(id=f"{own_id:032x}", at=at, **fields)


def run(ledger: Ledger, statement: str) -> list[tuple]:
    with connections[ledger.alias].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def parts(ledger: Ledger) -> dict[str, int]:
    """How many events are where."""
    return dict(run(ledger, "SELECT tableoid::regclass::text, count(*) FROM usage_events GROUP BY 1"))


def names(ledger: Ledger) -> list[str]:
    return [month.name for month in months(ledger.alias)]


@pytest.fixture
def monthly(postgres_ledger: Ledger) -> Ledger:
    """With a month for each from December 2029 to March 2030."""
    run(postgres_ledger, "DROP TABLE " + names(postgres_ledger)[0])
    make_ahead(datetime(2029, 12, 5, tzinfo=UTC).timestamp(), postgres_ledger.alias)
    return postgres_ledger


def test_the_table_becomes_the_first_partition_and_no_event_is_lost(undivided: Ledger):
    events = [of(1, 1, 2026), ended(id=uuid7()), of(1, 1, 2090), begun(id=uuid7())]
    upsert(events, undivided.alias)
    run(undivided, "GRANT SELECT ON usage_events TO PUBLIC")
    before = run(undivided, INDEXES)

    divide(undivided)

    (first,) = names(undivided)
    assert parts(undivided) == {first: 3, "usage_events_default": 1}
    assert {row.pk.hex: row.outcome for row in undivided.rows} == {
        event.id: event.outcome for event in events
    }
    assert run(undivided, INDEXES) == before
    assert run(undivided, INVALID) == [(0,)]
    assert run(undivided, "SELECT has_table_privilege('public', 'usage_events', 'SELECT')") == [(True,)]
    upsert([ended(events[3], prompt_tokens=7), *events], undivided.alias)
    assert undivided.rows.count() == 4
    assert undivided.rows.get(pk=events[3].id).prompt_tokens == 7


def test_a_migration_that_was_killed_goes_on_a_month_later(undivided: Ledger):
    of_that_month = of(1, 15)
    upsert([of_that_month, ended()], undivided.alias)
    with connections[undivided.alias].cursor() as cursor:
        by_month._bound(
            cursor, by_month.UUID(int=int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000) << 80)
        )
    assert undivided.rows.count() == 1  # the other waits beside

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            by_month, "datetime", type("Later", (), {"now": lambda zone: datetime(2030, 2, 3, tzinfo=zone)})
        )
        divide(undivided)
    divide(undivided)

    assert names(undivided) == ["usage_events_before_2030_03"]
    assert parts(undivided) == {"usage_events_before_2030_03": 2}


def test_who_holds_the_table_is_waited_for_and_nothing_is_half_done(undivided: Ledger, monkeypatch):
    upsert([ended()], undivided.alias)
    other = connections[undivided.alias].copy()
    monkeypatch.setattr(by_month, "LOCK_TRIES", 1)
    with other.cursor() as cursor:
        cursor.execute("BEGIN; SELECT count(*) FROM usage_events")
        with pytest.raises(OperationalError, match="lock timeout"):
            divide(undivided)
    other.close()
    assert names(undivided) == []
    upsert([ended()], undivided.alias)

    divide(undivided)

    assert parts(undivided) == {names(undivided)[0]: 2}


def test_back_into_one_table(monthly: Ledger):
    upsert([of(1, 1), of(2, 1), of(1, 1, 2040)], monthly.alias)

    with connections[monthly.alias].schema_editor(atomic=False) as editor:
        by_month.put_together(None, editor)

    assert parts(monthly) == {"usage_events": 3}
    assert months(monthly.alias) == []
    assert make_ahead(NOW, monthly.alias) == 0
    divide(monthly)
    assert sum(parts(monthly).values()) == 3


def test_months_are_made_before_they_come_and_once(postgres_ledger: Ledger):
    assert make_ahead(NOW, postgres_ledger.alias) == 4
    assert make_ahead(NOW, postgres_ledger.alias) == 0

    assert names(postgres_ledger)[1:] == [f"usage_events_2030_0{month}" for month in (3, 4, 5, 6)]
    upsert([of(3, 31), of(4, 1), of(7, 1)], postgres_ledger.alias)
    assert parts(postgres_ledger) == {
        "usage_events_2030_03": 1,
        "usage_events_2030_04": 1,
        "usage_events_default": 1,
    }


def test_what_is_there_already_of_a_month_moves_into_it(postgres_ledger: Ledger):
    upsert([of(3, 1), of(3, 2), of(1, 1)], postgres_ledger.alias)

    make_ahead(NOW, postgres_ledger.alias)

    assert parts(postgres_ledger) == {"usage_events_2030_03": 2, "usage_events_default": 1}


def test_a_month_with_too_many_events_stays_where_it_is(postgres_ledger: Ledger, monkeypatch):
    journal = Journal()
    monkeypatch.setattr(partitions, "log", journal)
    monkeypatch.setattr(partitions, "MOST_MOVED", 1)
    upsert([of(3, 1), of(3, 2)], postgres_ledger.alias)

    assert make_ahead(NOW, postgres_ledger.alias) == 3

    assert journal.names == ["usage.no_month"]
    assert parts(postgres_ledger) == {"usage_events_default": 2}


def test_a_month_is_dropped_once_all_of_it_is_past_its_time(monthly: Ledger):
    upsert([of(12, 20, 2029), of(1, 5), of(1, 31, charged={"images": 2}), of(2, 1), of(2, 9)], monthly.alias)
    roll_up_pending(NOW, budget_s=600, using=monthly.alias)

    assert retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias) == 3

    assert names(monthly)[0] == "usage_events_2030_02"
    assert parts(monthly) == {"usage_events_2030_02": 2}
    assert horizon(monthly.alias) == datetime(2030, 2, 1, tzinfo=UTC)
    [carried] = history.carried(using=monthly.alias)
    assert (carried.requests, carried.charged) == (3, {"images": 2})
    assert retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias) == 0


def test_what_was_there_before_there_were_months_goes_day_by_day(postgres_ledger: Ledger):
    """It would stay for as long as it took to collect, and 90 days."""
    now = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
    upsert([ended(at=now - 3.5 * DAY), ended(at=now - DAY)], postgres_ledger.alias)

    assert retention.purge(now, days=3, by_schedule=True, using=postgres_ledger.alias) == 1


def test_without_months_the_days_go_row_by_row(monthly: Ledger):
    upsert([of(1, 31), of(2, 1), of(2, 20)], monthly.alias)

    assert retention.purge(NOW, days=25, using=monthly.alias) == 2

    assert names(monthly)[0] == "usage_events_2030_02"  # of January nothing was left to stay for
    assert parts(monthly) == {"usage_events_2030_02": 1}


def test_an_id_of_the_month_before_its_attempt_takes_no_event_of_a_day_that_stays(monthly: Ledger):
    event = of(1, 31)
    begun_later = datetime(2030, 2, 1, 0, 0, 1, tzinfo=UTC).timestamp()
    upsert([ended(event, at=begun_later), of(2, 1), of(2, 2)], monthly.alias)

    assert retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias) == 2

    assert horizon(monthly.alias) == datetime(2030, 2, 2, tzinfo=UTC)
    assert parts(monthly) == {"usage_events_2030_02": 1}


def test_what_comes_later_than_its_month_was_dropped_is_kept_until_the_next_run(monthly: Ledger):
    upsert([of(1, 5), of(2, 9)], monthly.alias)
    retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias)

    upsert([of(1, 6)], monthly.alias)

    assert parts(monthly) == {"usage_events_default": 1, "usage_events_2030_02": 1}
    assert len(selection.page(selection.Selection(), 10, using=monthly.alias).rows) == 2
    assert retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias) == 1
    [carried] = history.carried(using=monthly.alias)
    assert carried.requests == 2


def test_a_month_that_somebody_writes_to_is_left_to_the_next_run(monthly: Ledger, monkeypatch):
    monkeypatch.setattr(partitions, "LOCK_S", 0.05)
    journal = Journal()
    monkeypatch.setattr(retention, "log", journal)
    upsert([of(1, 5), of(2, 9)], monthly.alias)
    roll_up_pending(NOW, budget_s=600, using=monthly.alias)
    other = connections[monthly.alias].copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN; SELECT count(*) FROM usage_events")
        assert retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias) == 0
    other.close()

    assert set(journal.names) == {"usage.month_held"}
    assert monthly.rows.count() == 2
    assert list(history.carried(using=monthly.alias)) == []
    assert retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias) == 1


def test_a_drop_that_is_cut_off_has_changed_nothing(monthly: Ledger):
    upsert([of(1, 5)], monthly.alias)
    january = next(month for month in months(monthly.alias) if month.name.endswith("2030_01"))

    def cut_off() -> None:
        with partitions.dropping(january, monthly.alias):
            monthly.rows.all().delete()
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        cut_off()

    assert parts(monthly) == {"usage_events_2030_01": 1}


def test_who_was_killed_before_a_month_was_deleted_leaves_no_table_behind(monthly: Ledger):
    upsert([of(1, 5), of(2, 9)], monthly.alias)
    january = next(month for month in months(monthly.alias) if month.name.endswith("2030_01"))
    with partitions.dropping(january, monthly.alias):
        pass
    tables = "SELECT count(*) FROM pg_class WHERE relname LIKE '%gone%' AND relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    assert run(monthly, tables) == [(1,)]

    retention.purge(NOW, days=25, by_schedule=True, using=monthly.alias)

    assert run(monthly, tables) == [(0,)]
    assert parts(monthly) == {"usage_events_2030_02": 1}


def test_an_event_is_found_by_its_id_in_one_partition(monthly: Ledger):
    event = of(2, 9)
    upsert([event, of(1, 5)], monthly.alias)

    plan = monthly.rows.filter(pk=event.id).explain()

    assert "usage_events_2030_02" in plan and "usage_events_2030_01" not in plan
    with transaction.atomic(using=monthly.alias):
        assert monthly.rows.filter(pk=event.id).update(is_last=True) == 1
