"""When a window runs out at the present pace, by the clock: noon, and a day that ends at midnight."""

import pytest

from apps.core.state.contract import Kind, Reading, Window
from apps.core.state.keys import CONCURRENCY, Span
from apps.core.state.periods import NOW, ONCE
from apps.providers.forecast import Forecast, Pace, forecast

NOON = 1_768_478_400.0  # 2026-01-15 12:00 UTC
MIDNIGHT = NOON + 43_200
HOUR_S, DAY_S = 3600.0, 86_400.0


def window(
    limit: int = 1000, period: str = "day", *, kind: Kind = "fixed", metric: str = "requests"
) -> Window:
    return Window.of("1:groq", Span(metric, period), limit, kind=kind)


def used(count: int, resets_at: float | None = MIDNIGHT, **rest) -> Reading:
    return Reading(used=count, counted=count, free_at=0.0, resets_at=resets_at, **rest)


def pace(amount: int, *, uses: int | None = None, over_s: float = HOUR_S, since_s: float = HOUR_S) -> Pace:
    return Pace(amount=amount, uses=amount if uses is None else uses, over_s=over_s, first_s=since_s)


def test_runs_out_when_what_is_left_is_used_at_the_rate_of_the_last_hour():
    assert forecast(window(1000), used(400), pace(100), NOON) == Forecast("runs_out", NOON + 6 * HOUR_S)


def test_lasts_when_the_reset_comes_first():
    assert forecast(window(1000), used(400), pace(49), NOON) == Forecast("lasts")


def test_a_window_that_has_just_begun_counts_the_minutes_that_it_has_had():
    soon = forecast(window(1000), used(30), pace(30, over_s=900, since_s=900), NOON)

    assert soon == Forecast("runs_out", NOON + 970 * 30)


@pytest.mark.parametrize(
    "little",
    [
        pace(2),
        pace(0),
        pace(300, uses=2),
        pace(300, over_s=599),
        pace(300, since_s=599),
    ],
    ids=["two uses", "none", "two uses of many tokens", "nine minutes of the window", "nine minutes of use"],
)
def test_too_little_gives_no_forecast(little: Pace):
    assert forecast(window(), used(400), little, NOON) == Forecast(None, why="too_little_data")


def test_three_uses_over_ten_minutes_are_enough():
    enough = pace(3, over_s=600, since_s=600)

    assert forecast(window(1000), used(3), enough, NOON).state == "lasts"


def test_without_a_look_at_the_counters_there_is_none_either():
    assert forecast(window(), used(400), None, NOON) == Forecast(None, why="stale_data")


@pytest.mark.parametrize("known", [None, pace(0), pace(100)])
def test_nothing_left_is_out_until_there_is_room_whatever_the_pace(known: Pace | None):
    full = Reading(used=1000, counted=1000, free_at=MIDNIGHT, resets_at=MIDNIGHT)

    assert forecast(window(1000), full, known, NOON) == Forecast("out", MIDNIGHT)


@pytest.mark.parametrize("without_end", [window(5, ONCE), window(5, NOW, metric=CONCURRENCY)], ids=str)
def test_nobody_knows_when_what_no_time_gives_back_is_there_again(without_end: Window):
    full = Reading(used=5, counted=5, free_at=NOON + 1, resets_at=None)

    assert forecast(without_end, full, pace(5), NOON) == Forecast("out")


def test_more_used_than_there_is_is_out_too():
    full = Reading(used=1200, counted=1200, free_at=MIDNIGHT, resets_at=MIDNIGHT)

    assert forecast(window(1000), full, pace(10), NOON).state == "out"


def test_an_upstreams_word_counts_at_once():
    told = Reading(used=990, counted=10, free_at=0.0, resets_at=MIDNIGHT, reported_at=NOON)

    assert forecast(window(1000), told, pace(10), NOON) == Forecast("runs_out", NOON + HOUR_S)


class TestRolling:
    """What falls out of it comes back."""

    ROLLING = window(240, kind="rolling")

    def test_lasts_at_a_rate_that_its_length_bears(self):
        assert forecast(self.ROLLING, used(239, NOON + DAY_S), pace(10), NOON) == Forecast("lasts")

    def test_is_full_when_what_falls_out_is_subtracted(self):
        # 40 left at 20 an hour: two hours. After one of them 30 come back, so 50 are left: two and a half more.
        returns = ((NOON + HOUR_S, 30), (NOON + 20 * HOUR_S, 170))
        reading = used(200, NOON + 20 * HOUR_S, returns=returns)

        assert forecast(self.ROLLING, reading, pace(20), NOON) == Forecast("runs_out", NOON + 3.5 * HOUR_S)

    def test_what_falls_out_after_it_is_full_helps_nobody(self):
        reading = used(200, NOON + DAY_S, returns=((NOON + 2.5 * HOUR_S, 200),))

        assert forecast(self.ROLLING, reading, pace(20), NOON) == Forecast("runs_out", NOON + 2 * HOUR_S)

    def test_a_minute_lasts_at_an_hours_average(self):
        minute = window(30, "minute", kind="rolling")

        assert forecast(minute, used(29, NOON + 60), pace(100), NOON) == Forecast("lasts")

    def test_a_minute_at_more_than_it_bears_is_full_within_it(self):
        minute = window(1, "minute", kind="rolling")

        found = forecast(minute, Reading(0, 0, 0.0, None), pace(120), NOON)

        assert found == Forecast("runs_out", NOON + 30)


def test_a_bucket_lasts_at_what_flows_in():
    bucket = window(60, "hour", kind="bucket")

    assert forecast(bucket, used(59, NOON + HOUR_S), pace(60), NOON) == Forecast("lasts")


def test_a_bucket_runs_dry_at_what_flows_out_faster():
    bucket = window(60, "hour", kind="bucket")

    assert forecast(bucket, used(30, NOON + 1800), pace(90), NOON) == Forecast("runs_out", NOON + HOUR_S)


def test_what_is_given_once_has_no_reset_to_last_to():
    once = window(1000, ONCE)

    assert forecast(once, used(400, None), pace(60), NOON) == Forecast("runs_out", NOON + 10 * HOUR_S)


def test_an_hour_tells_nothing_of_next_month():
    once = window(1_000_000, ONCE)

    assert forecast(once, used(400, None), pace(60), NOON) == Forecast("lasts")


def test_a_window_that_begins_with_its_first_use_runs_until_its_reset():
    five = window(100, "5hour", kind="first_use")

    assert forecast(five, used(10, NOON + HOUR_S), pace(10), NOON) == Forecast("lasts")
    assert forecast(five, used(90, NOON + 4 * HOUR_S), pace(10), NOON) == Forecast("runs_out", NOON + HOUR_S)


def test_calls_at_a_time_have_no_pace():
    calls = window(2, NOW, metric=CONCURRENCY)

    assert forecast(calls, used(1, None), pace(50), NOON) == Forecast(None, why="not_over_time")


def test_a_fixed_window_of_minutes_is_over_before_anything_is_known_of_it():
    assert forecast(window(30, "minute"), used(5, NOON + 60), pace(50), NOON) == Forecast(
        None, why="not_over_time"
    )


def test_refunds_may_leave_no_pace_at_all():
    assert forecast(window(), used(5), pace(-3, uses=4), NOON) == Forecast("lasts")


@pytest.mark.parametrize(
    ("exact_s", "shown_s"),
    [(0, 0), (299, 0), (301, 600), (3600, 3600), (3899, 3600), (3901, 4200)],
)
def test_a_forecast_is_told_to_ten_minutes(exact_s: float, shown_s: float):
    assert Forecast("runs_out", NOON + exact_s).rounded(NOON).at == NOON + shown_s


def test_rounding_never_tells_of_the_past():
    now = NOON + 120

    assert Forecast("runs_out", now + 10).rounded(now).at == now


def test_an_end_that_is_known_is_told_exactly():
    assert Forecast("out", NOON + 17).rounded(NOON).at == NOON + 17
