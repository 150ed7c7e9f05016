"""What time an address asks for."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.console.traffic.times import SPANS, asked

NOW = datetime(2026, 11, 27, 13, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def asking(**query):
    return asked({name.rstrip("_"): value for name, value in query.items()}, BERLIN, NOW, "week")


@pytest.mark.parametrize(
    ("name", "buckets", "step"),
    [
        ("hour", 12, timedelta(minutes=5)),
        ("day", 25, timedelta(hours=1)),
        ("week", 29, timedelta(hours=6)),
        ("month", 30, timedelta(days=1)),
        ("quarter", 90, timedelta(days=1)),
        ("years", 92, timedelta(days=8)),
    ],
)
def test_windows_that_end_now(name, buckets, step):
    found = asking(span=name)

    assert (found.span, found.window.end, len(found.window.bounds) - 1) == (name, NOW, buckets)
    assert found.step == step


def test_each_span_is_tried_above():
    assert list(SPANS) == ["hour", "day", "week", "month", "quarter", "years"]


def test_a_window_is_cut_where_hours_begin_and_is_as_long_as_it_says():
    bounds = asking(span="day").window.bounds

    assert bounds[0] == NOW - timedelta(days=1)
    assert bounds[1] == datetime(2026, 11, 26, 14, tzinfo=UTC) and bounds[-2] == datetime(
        2026, 11, 27, 13, tzinfo=UTC
    )
    assert list(bounds) == sorted(set(bounds))


def test_days_are_those_of_the_viewers_zone():
    assert asking(span="month").window.bounds[1] == datetime(2026, 10, 29, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"span": "century"},
        {"start": "1", "end": ""},
        {"start": "x", "end": "y"},
        {"start": "²", "end": "²"},
        {"start": "9" * 40, "end": "9" * 41},
        {"start": "99999999999", "end": "99999999999"},
        {"start": "0", "end": str(int(NOW.timestamp()))},
        {"start": str(int(NOW.timestamp()) - 60), "end": str(int(NOW.timestamp()))},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2027-01-01", "to": "2027-01-02"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "yesterday", "to": "today"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_the_usual_window(query):
    assert asked(query, BERLIN, NOW, "week").span == "week"


def test_a_window_between_two_times_ends_now_at_the_latest():
    start = int(NOW.timestamp()) - 7200

    found = asking(start=str(start), end=str(start + 100_000))

    assert (found.span, found.window.start, found.window.end) == ("", NOW - timedelta(hours=2), NOW)


def test_chosen_days_are_whole_days_of_the_zone():
    found = asking(from_="2026-11-10", to="2026-11-12")

    assert (found.first, found.last) == (date(2026, 11, 10), date(2026, 11, 12))
    assert found.window.start == datetime(2026, 11, 9, 23, tzinfo=UTC)
    assert found.window.end == datetime(2026, 11, 12, 23, tzinfo=UTC)


def test_one_day_is_cut_into_hours_and_today_ends_now():
    found = asking(from_="2026-11-27", to="2026-11-27")

    assert found.step == timedelta(hours=1)
    assert (found.window.start, found.window.end) == (datetime(2026, 11, 26, 23, tzinfo=UTC), NOW)


def test_the_time_before_is_as_long():
    before = asking(span="day").before()

    assert before.bounds == (NOW - timedelta(days=2), NOW - timedelta(days=1))
