"""Which time a report tells of, and where its buckets begin."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from apps.analytics.reports.windows import of_days, of_seconds

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)


def local(bounds, zone: str) -> list[str]:
    return [bound.astimezone(ZoneInfo(zone)).strftime("%d %H:%M") for bound in bounds]


def test_seconds_are_cut_into_equal_buckets():
    window = of_seconds(3600, 7, NOW)

    assert (window.end, window.end - window.start) == (NOW, timedelta(hours=1))
    widths = {round((end - start).total_seconds(), 4) for start, end in pairwise(window.bounds)}
    assert widths == {round(3600 / 7, 4)}


@pytest.mark.parametrize(
    ("zone", "starts"),
    [
        ("UTC", ["28 00:00", "29 00:00", "30 00:00"]),
        ("Europe/Berlin", ["28 00:00", "29 00:00", "30 00:00"]),  # the clocks went forward on the 29th
        ("Asia/Kolkata", ["28 00:00", "29 00:00", "30 00:00"]),
        ("Pacific/Auckland", ["29 00:00", "30 00:00", "31 00:00"]),
    ],
)
def test_days_are_those_of_the_zone_the_last_one_under_way(zone, starts):
    window = of_days(3, None, ZoneInfo(zone), NOW)

    assert local(window.bounds[:-1], zone) == starts
    assert window.end == NOW


def test_a_day_on_which_the_clocks_change_has_the_hours_that_it_has():
    window = of_days(3, None, ZoneInfo("Europe/Berlin"), NOW)

    hours = [(end - start) / timedelta(hours=1) for start, end in pairwise(window.bounds)]
    assert hours == [24, 23, 14]


@pytest.mark.parametrize(
    ("days", "buckets", "widths"),
    [(90, None, {1}), (168, None, {1}), (730, None, {5}), (30, 4, {8, 6}), (3, 24, {1}), (1, None, {1})],
)
def test_buckets_are_whole_days_and_no_more_than_allowed(days, buckets, widths):
    window = of_days(days, buckets, ZoneInfo("UTC"), NOW)

    assert len(window.bounds) - 1 <= (buckets or 168)
    ends = [*window.bounds[:-1], datetime(2026, 3, 31, tzinfo=UTC)]
    assert {(end - start).days for start, end in pairwise(ends)} == widths
    assert window.start == datetime(2026, 3, 31, tzinfo=UTC) - timedelta(days=days)


def test_a_midnight_that_ends_a_day_begins_no_other():
    window = of_days(1, None, ZoneInfo("UTC"), datetime(2026, 3, 30, tzinfo=UTC))

    assert window.start == datetime(2026, 3, 29, tzinfo=UTC)
