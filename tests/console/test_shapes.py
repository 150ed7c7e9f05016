"""Charts as shapes."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.console.traffic.shapes import Frame, Series, bars, ceiling, lines, spark


def frame(count, step=timedelta(hours=1), urls=()):
    start = datetime(2026, 11, 27, tzinfo=UTC)
    starts = [start + step * number for number in range(count)]
    return Frame(title="Requests", summary="some", starts=starts, told=str, tick=str, urls=urls)


@pytest.mark.parametrize(
    ("most", "top"),
    [
        (0, 1),
        (0.3, 0.4),
        (1, 1),
        (3, 4),
        (4, 4),
        (7, 8),
        (9, 10),
        (179, 200),
        (200, 200),
        (201, 400),
        (5.5e9, 8e9),
    ],
)
def test_a_scale_ends_at_a_round_number(most, top):
    assert ceiling(most) == pytest.approx(top)


@pytest.mark.parametrize(
    ("most", "top"), [(1, 4), (4, 4), (5, 8), (9, 20), (40, 40), (90, 100), (1000, 1000)]
)
def test_of_what_has_no_half_no_line_stands_for_one(most, top):
    assert ceiling(most, is_whole=True) == top


@pytest.mark.parametrize("most", [float("inf"), float("nan"), -1.0])
def test_what_is_no_number_has_a_scale_all_the_same(most):
    assert ceiling(most) == 1.0


def test_parts_of_a_column_stand_on_each_other():
    chart = bars(frame(2), [Series("well", "s1", [3, 0]), Series("failed", "sr", [1, 2])])

    assert [(bar.style, bar.x, bar.y, bar.height) for bar in chart.bars] == [
        ("s1", "7.00", "25.00", "75.00"),
        ("sr", "7.00", "0.00", "25.00"),
        ("sr", "57.00", "50.00", "50.00"),
    ]
    assert chart.ticks == ["4.0", "3.0", "2.0", "1.0", "0.0"]


def test_a_line_breaks_where_nothing_is_known():
    (line,) = lines(frame(4), [Series("p50", "q", [1.0, None, 0.5, 1.0])]).paths

    assert line.path == "M6.25 0.00h12.50M62.50 50.00L87.50 0.00"


def test_the_table_behind_has_each_figure_and_where_it_leads():
    chart = bars(frame(2, urls=["?a", "?b"]), [Series("well", "s1", [3, None])])

    assert [(column.cells, column.url) for column in chart.columns] == [(["3"], "?a"), (["None"], "?b")]


def test_nothing_is_an_empty_chart_with_its_axes():
    for chart in (
        bars(frame(3), [Series("x", "s1", [0, 0, 0])]),
        lines(frame(3), [Series("x", "", [None] * 3)]),
    ):
        assert chart.is_empty and chart.ticks == ["", "", "", "", "0.0"]


@pytest.mark.parametrize("count", [1, 7, 12, 13, 25, 29, 30, 90, 92])
def test_marks_are_few_and_every_second_can_go(count):
    marks = [column.mark for column in bars(frame(count), [Series("x", "s1", [1] * count)]).columns]

    told = [mark for mark in marks if mark]
    assert 1 <= len(told) <= 8
    assert told == [1 + number % 2 for number in range(len(told))]


def test_marks_begin_with_the_first_whole_column_where_there_are_many():
    columns = bars(frame(25), [Series("x", "s1", [1] * 25)]).columns

    assert [number for number, column in enumerate(columns) if column.mark][:2] == [1, 5]


def test_times_are_days_where_columns_are_long():
    assert not bars(frame(24), [Series("x", "s1", [1] * 24)]).is_long
    assert bars(frame(28, timedelta(hours=6)), [Series("x", "s1", [1] * 28)]).is_long


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 0.0], [None, None, 2.0]])
def test_a_small_line_needs_two_points_and_something_to_say(values):
    assert spark(values) == ""


def test_a_small_line_fills_its_box():
    assert spark([0.0, 10.0]) == "M25.00 28.00L75.00 2.00"
