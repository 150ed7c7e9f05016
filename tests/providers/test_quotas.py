"""Effective windows, claims, shares and resets."""

from datetime import UTC, datetime

import pytest

from apps.core.state.contract import Subject, Window
from apps.providers.quotas import (
    LONG_ANSWER_TOKENS,
    Limit,
    LimitsError,
    Overrides,
    account_windows,
    model_windows,
    parse_limits,
    token_claim,
    until_reset,
    validate_limits,
)
from tests.factories import make_offer

PACIFIC = "America/Los_Angeles"
RPM, RPD, TPD = (
    Limit("requests", "minute", 30),
    Limit("requests", "day", 14_400),
    Limit("tokens", "day", 500_000),
)


def numbers(windows):
    return {window.key: window.limit for window in windows}


def overrides(limits=None, **short_fields):
    return Overrides.of(limits or {}, short_fields)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def offer_with(*windows, **fields):
    return make_offer(subject=Subject("1:groq", "1:groq|m", windows), **fields)


class TestAccountWindows:
    def test_are_the_catalogues_without_overrides(self):
        windows = account_windows("1:groq", [RPM, RPD, TPD], [], overrides())

        assert numbers(windows) == {
            "1:groq#requests/minute": 30,
            "1:groq#requests/day": 14_400,
            "1:groq#tokens/day": 500_000,
        }

    def test_are_counted_without_a_limit_where_the_statistics_need_them(self):
        windows = account_windows("1:acme", [], [], overrides())

        assert numbers(windows) == {
            "1:acme#requests/minute": 0,
            "1:acme#requests/day": 0,
            "1:acme#tokens/day": 0,
        }

    def test_take_the_credentials_numbers_and_keep_the_way_a_window_runs(self):
        declared = Limit("requests", "day", 50, zone=PACIFIC)

        windows = account_windows("1:x", [declared], [], overrides(rpd_limit=70))

        assert Window("1:x#requests/day", "requests", "day", 70, zone=PACIFIC) in windows

    def test_named_only_by_an_override_run_as_on_the_models(self):
        model = Limit("requests", "day", 20, zone=PACIFIC)

        windows = account_windows("1:gemini", [], [model], overrides(rpd_limit=1_000))

        assert Window("1:gemini#requests/day", "requests", "day", 1_000, zone=PACIFIC) in windows

    def test_are_lifted_by_zero(self):
        hourly = Limit("tokens", "hour", 9)

        windows = account_windows("1:x", [RPM, hourly], [], overrides({"tokens": {"hour": 0}}, rpm_limit=0))

        assert numbers(windows)["1:x#requests/minute"] == 0
        assert "1:x#tokens/hour" not in numbers(windows)

    def test_may_be_of_any_length(self):
        windows = account_windows(
            "1:x", [RPM], [], overrides({"requests": {"second": 2}, "tokens": {"month": 9}})
        )

        assert numbers(windows)["1:x#requests/second"] == 2
        assert numbers(windows)["1:x#tokens/month"] == 9

    def test_follow_the_short_field_where_both_name_a_window(self):
        windows = account_windows("1:x", [RPM], [], overrides({"requests": {"minute": 5}}, rpm_limit=10))

        assert numbers(windows)["1:x#requests/minute"] == 10

    def test_follow_limits_where_the_short_field_is_null(self):
        windows = account_windows("1:x", [RPM], [], overrides({"requests": {"minute": 5}}, rpm_limit=None))

        assert numbers(windows)["1:x#requests/minute"] == 5

    def test_stay_the_catalogues_where_limits_say_null(self):
        windows = account_windows("1:x", [RPM], [], overrides({"requests": {"minute": None}}))

        assert numbers(windows)["1:x#requests/minute"] == 30


class TestModelWindows:
    def test_are_the_models_own(self):
        windows = model_windows("1:groq|m", [Limit("tokens", "minute", 6_000, rolling=True)], overrides())

        assert windows == (Window("1:groq|m#tokens/minute", "tokens", "minute", 6_000, rolling=True),)

    @pytest.mark.parametrize("limit", [5_000, 0])
    def test_give_way_to_an_override_of_their_metric_and_length(self, limit):
        declared = [Limit("requests", "day", 1_000), Limit("tokens", "minute", 6_000)]

        windows = model_windows("1:groq|m", declared, overrides(rpd_limit=limit))

        assert numbers(windows) == {"1:groq|m#tokens/minute": 6_000}


class TestValidation:
    def test_keeps_numbers_zero_and_null(self):
        raw = {"requests": {"minute": 30, "day": 0, "month": None}, "tokens": {}}

        assert validate_limits(raw) == raw

    @pytest.mark.parametrize(
        ("raw", "field"),
        [
            ([], "limits"),
            ({"calls": {}}, "limits.calls"),
            ({"requests": 5}, "limits.requests"),
            ({"requests": {"week": 5}}, "limits.requests.week"),
            ({"requests": {"day": -1}}, "limits.requests.day"),
            ({"tokens": {"day": "5"}}, "limits.tokens.day"),
            ({"tokens": {"day": True}}, "limits.tokens.day"),
            ({"tokens": {"day": 1.5}}, "limits.tokens.day"),
            ({"tokens": {"day": 10**16}}, "limits.tokens.day"),
        ],
    )
    def test_names_the_field_that_is_wrong(self, raw, field):
        with pytest.raises(LimitsError) as error:
            validate_limits(raw)

        assert error.value.field == field

    def test_of_declared_windows_refuses_a_second_one_of_the_same_span(self):
        window = {"metric": "requests", "unit": "day", "limit": 1}

        with pytest.raises(LimitsError, match="second window of requests per day"):
            parse_limits([window, window])


class TestTokenClaim:
    def test_expects_a_usual_answer_where_the_client_names_no_cap(self):
        assert token_claim(offer_with(), 100, None) == 1_124

    def test_takes_the_clients_cap(self):
        assert token_claim(offer_with(), 100, 4_000) == 4_100

    def test_never_expects_more_than_the_model_can_say(self):
        assert token_claim(offer_with(max_output_tokens=500), 100, 4_000) == 600

    def test_is_cut_to_the_smallest_token_window(self):
        minute, day = Window("a", "tokens", "minute", 6_000), Window("b", "tokens", "day", 100_000)

        assert token_claim(offer_with(minute, day), 1_000, 32_000) == 6_000

    def test_takes_a_cap_beyond_a_long_answer_for_the_ceiling_that_it_is(self):
        day = Window("b", "tokens", "day", 100_000)

        assert token_claim(offer_with(day), 1_000, 64_000) == 1_000 + LONG_ANSWER_TOKENS

    def test_ignores_windows_of_requests_and_unlimited_ones(self):
        requests, unlimited = Window("a", "requests", "minute", 30), Window("b", "tokens", "day", 0)

        assert token_claim(offer_with(requests, unlimited), 1_000, 2_000) == 3_000

    def test_stays_too_large_where_the_prompt_alone_does_not_fit(self):
        assert token_claim(offer_with(Window("a", "tokens", "minute", 6_000)), 7_000, 100) == 7_000


class TestUntilReset:
    def test_of_a_fixed_day_is_local_midnight(self):
        window = Window("a", "requests", "day", 20, zone=PACIFIC)

        assert until_reset("day", [window], at("2026-07-01T12:00")) == at("2026-07-02T07:00")

    def test_of_a_day_that_changes_to_winter_time_is_twenty_five_hours_long(self):
        window = Window("a", "requests", "day", 20, zone=PACIFIC)

        assert until_reset("day", [window], at("2026-11-01T07:00")) == at("2026-11-02T08:00")

    def test_of_a_fixed_month_is_the_first_of_the_next(self):
        window = Window("a", "requests", "month", 1_000)

        assert until_reset("month", [window], at("2026-12-31T23:59")) == at("2027-01-01T00:00")

    def test_of_a_fixed_minute_is_the_next_minute(self):
        window = Window("a", "tokens", "minute", 1)

        assert until_reset("minute", [window], at("2026-07-01T12:00:10")) == at("2026-07-01T12:01:00")

    @pytest.mark.parametrize(("unit", "wait_s"), [("second", 1), ("minute", 60), ("hour", 60), ("day", 60)])
    def test_of_a_rolling_window_is_soon(self, unit, wait_s):
        assert (
            until_reset(unit, [Window("a", "requests", unit, 5, rolling=True)], 1_000.0) == 1_000.0 + wait_s
        )

    def test_is_the_latest_of_several_windows_of_that_length(self):
        windows = [Window("a", "requests", "day", 5), Window("b", "tokens", "day", 5, zone=PACIFIC)]

        assert until_reset("day", windows, at("2026-07-01T12:00")) == at("2026-07-02T07:00")

    def test_is_the_utc_boundary_where_no_such_window_is_declared(self):
        windows = [Window("a", "requests", "minute", 5, rolling=True)]

        assert until_reset("day", windows, at("2026-07-01T12:00")) == at("2026-07-02T00:00")
