"""A start is told the same by rollups as by the events that they were made of."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics import history, retention
from apps.analytics.models import UsageDigest
from apps.analytics.rollup.spent import BucketUsage
from apps.analytics.slices import slices
from apps.analytics.upsert import upsert
from apps.core.state.contract import Kind, Window
from apps.core.state.windows import counts_since
from tests.analytics.conftest import Ledger
from tests.analytics.examples import ended
from tests.analytics.rollup.events import NOW, ago, empty, events, roll_up_all
from tests.analytics.rollup.test_building import FEW

MONTH_AGO = {"alpha": ago(days=3), "beta": 0.0}
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin")
METRIC = "requests"


def used(ledger: Ledger, **options: Any) -> list[BucketUsage]:
    usual: dict[str, Any] = {"longer": MONTH_AGO, "metered": {"beta"}}
    found = history.usage_since(ago(hours=25), NOW.timestamp(), using=ledger.alias, **usual | options)
    return sorted(found, key=repr)


def by_events(ledger: Ledger, **options: Any) -> list[BucketUsage]:
    """Without any rollup, which are gone afterwards."""
    UsageDigest.objects.using(ledger.alias).all().delete()
    return used(ledger, **options)


def window(period: str, zone: str, kind: Kind = "fixed", margin_s: float = 0.0) -> Window:
    return Window("k", METRIC, period, 9, kind, zone, margin_s)


def hours_read(queries: CaptureQueriesContext) -> int:
    """How many questions went to the events, but for the first one's time."""
    return sum('FROM "usage_events"' in query["sql"] and "GROUP BY" in query["sql"] for query in queries)


cuts = st.lists(st.integers(1, 5 * 86_400).map(lambda seconds: NOW.timestamp() - seconds), max_size=3)


@FEW
@given(st.lists(events(5), max_size=40), st.lists(events(5), max_size=4), cuts)
def test_rollups_say_what_the_events_would(ledger: Ledger, happened, late, cuts):
    """Late events included, to which the rollups have not come yet."""
    empty(ledger)
    upsert(happened, ledger.alias)
    roll_up_all(ledger)
    upsert(late, ledger.alias)

    by_rollups = used(ledger, cuts=cuts)

    assert by_rollups == by_events(ledger, cuts=cuts)


@FEW
@given(
    st.lists(events(12), max_size=40),
    st.lists(
        st.builds(
            window,
            st.sampled_from(["day", "week", "month", "2day", "5hour"]),
            st.sampled_from(ZONES),
            margin_s=st.sampled_from([0.0, 2.5]),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_fixed_windows_of_any_zone_count_what_lies_in_them_and_no_more(ledger: Ledger, happened, windows):
    empty(ledger)
    upsert(happened, ledger.alias)
    roll_up_all(ledger)
    begins = [counts_since(window, NOW.timestamp()) for window in windows]

    found = used(ledger, longer={"alpha": 0.0, "beta": 0.0}, cuts=begins)

    for begin in begins:
        attempts = [event for event in happened if event.outcome != "refused" and event.at >= begin]
        assert sum(bucket.requests for bucket in found if bucket.at >= begin) == sum(
            event.error_kind not in ("model_gone", "not_in_plan") for event in attempts
        )
        assert sum(bucket.tokens for bucket in found if bucket.at >= begin) == sum(
            event.prompt_tokens + event.completion_tokens for event in attempts
        )


def test_a_week_of_los_angeles_counts_nothing_of_the_sunday_before(ledger: Ledger):
    """It ended at eight in the morning of a day of UTC whose rollup is dated by its last attempt."""
    begin = counts_since(window("week", "America/Los_Angeles"), NOW.timestamp())
    upsert([ended(at=begin + seconds, provider="beta") for seconds in (-600, -1, 0, 600)], ledger.alias)
    roll_up_all(ledger)

    for found in (used(ledger, cuts=[begin]), by_events(ledger, cuts=[begin])):
        assert sum(bucket.requests for bucket in found if bucket.at >= begin) == 2


def test_what_is_rolled_up_is_not_read_event_by_event(ledger: Ledger):
    upsert([ended(at=ago(hours=hours), provider="beta") for hours in range(24 * 9)], ledger.alias)
    roll_up_all(ledger)

    with CaptureQueriesContext(connections[ledger.alias]) as queries:
        found = used(ledger, longer={"beta": 0.0}, cuts=[ago(days=4, minutes=30)])

    assert sum(bucket.requests for bucket in found) == 24 * 9
    assert hours_read(queries) < 150  # by minute for an hour, twice, and one half hour
    upsert([ended(at=ago(days=6), provider="beta")], ledger.alias)
    assert sum(bucket.requests for bucket in used(ledger, longer={"beta": 0.0})) == 24 * 9 + 1


def test_what_is_deleted_counts_once(ledger: Ledger):
    """It is carried over; its rollups are still there."""
    upsert([ended(at=ago(days=days), provider="beta") for days in (1, 4, 5, 6)], ledger.alias)
    retention.purge(NOW.timestamp(), days=3, using=ledger.alias)
    upsert([ended(at=ago(days=5), provider="beta")], ledger.alias)  # too late

    found = [*used(ledger), *history.carried(using=ledger.alias)]

    assert sum(bucket.requests for bucket in found) == 5


def test_an_hour_from_before_there_were_halves_is_read_from_events(ledger: Ledger):
    upsert([ended(at=ago(hours=5))], ledger.alias)
    roll_up_all(ledger)
    UsageDigest.objects.using(ledger.alias).update(spent=None)

    assert [bucket.requests for bucket in used(ledger)] == [1]


def test_an_event_of_1970_costs_no_question_a_day(ledger: Ledger):
    upsert([ended(at=1.0, provider="beta"), ended(at=ago(days=2), provider="beta")], ledger.alias)

    with CaptureQueriesContext(connections[ledger.alias]) as queries:
        found = used(ledger)

    assert sum(bucket.requests for bucket in found) == 2
    assert len(queries) < 2 * 4 * 366 + 300


def test_slices_have_no_gap_and_end_at_cuts():
    for cut in (ago(minutes=10.5), ago(hours=4, minutes=7), ago(days=2, minutes=33), ago(days=3, hours=0.51)):
        bound = datetime.fromtimestamp(cut, UTC)
        found = list(slices(NOW - timedelta(days=9), NOW, [bound]))

        assert found[-1][0] == NOW - timedelta(days=9)
        assert all(start == before for (start, _), (_, before) in pairwise(found))
        assert not any(start < bound < end for start, end in found)
        assert len(found) <= len(list(slices(NOW - timedelta(days=9), NOW))) + 3
