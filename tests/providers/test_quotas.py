"""Effective windows, claims, shares and resets."""

from datetime import UTC, datetime
from functools import partial

import pytest

from apps.core.state.contract import Subject, Window
from apps.core.state.keys import Span
from apps.providers.claims import LONG_ANSWER_TOKENS, token_claim
from apps.providers.limits import Limit, LimitsError, parse_limits
from apps.providers.overrides import Overrides, Told, validate_limits
from apps.providers.quotas import (
    TRANSIT_S,
    Scheme,
    account_windows,
    candidate_windows,
    group_windows,
    model_windows,
    shown_limit,
    until_reset,
)
from apps.providers.types import Preset
from tests.factories import make_offer

PACIFIC = "America/Los_Angeles"
upstreams_window = partial(Window, margin_s=TRANSIT_S)
"""One that an upstream counts: it hears of a request later than it was made."""
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


UNLIMITED = dict.fromkeys(("1:x#requests/minute", "1:x#requests/day", "1:x#tokens/day"), 0)


def scheme(declared=(), models=()):
    return Scheme.of(declared, models)


class TestAccountWindows:
    def test_are_the_catalogues_without_overrides(self):
        windows = account_windows("1:groq", scheme([RPM, RPD, TPD]), overrides())

        assert numbers(windows) == {
            "1:groq#requests/minute": 30,
            "1:groq#requests/day": 14_400,
            "1:groq#tokens/day": 500_000,
        }

    def test_are_counted_without_a_limit_where_the_statistics_need_them(self):
        windows = account_windows("1:x", scheme(), overrides())

        assert numbers(windows) == UNLIMITED

    def test_take_the_credentials_numbers_and_keep_the_way_a_window_runs(self):
        declared = Limit("requests", "day", 50, zone=PACIFIC)

        windows = account_windows("1:x", scheme([declared]), overrides(rpd_limit=70))

        assert upstreams_window("1:x#requests/day", "requests", "day", 70, zone=PACIFIC, own=True) in windows

    def test_are_not_invented_for_what_is_counted_for_each_model(self):
        each = Limit("requests", "minute", 30, each=True)
        model = Limit("requests", "day", 20, zone=PACIFIC)

        windows = account_windows("1:x", scheme([each], [model]), overrides(rpm_limit=60, rpd_limit=1_000))

        assert numbers(windows) == UNLIMITED
        assert upstreams_window("1:x#requests/day", "requests", "day", 0, zone=PACIFIC) in windows

    @pytest.mark.parametrize("kind", ["bucket", "first_use"])
    def test_tell_what_was_used_today_however_the_limit_runs(self, kind):
        windows = account_windows("1:x", scheme([Limit("tokens", "day", 9, kind=kind)]), overrides())

        assert numbers(windows) == UNLIMITED | {"1:x&#tokens/day": 9}

    def test_are_made_for_what_only_an_override_names(self):
        windows = account_windows("1:x", scheme([RPM]), overrides(tpd_limit=9))

        assert numbers(windows)["1:x#tokens/day"] == 9

    def test_are_lifted_by_zero(self):
        hourly = Limit("tokens", "hour", 9)

        windows = account_windows(
            "1:x", scheme([RPM, hourly]), overrides({"tokens": {"hour": 0}}, rpm_limit=0)
        )

        assert numbers(windows)["1:x#requests/minute"] == 0
        assert "1:x#tokens/hour" not in numbers(windows)

    def test_may_be_of_any_length_and_metric(self):
        own = {"requests": {"second": 2, "once": 7}, "tokens": {"month": 9}, "concurrency": {"now": 3}}

        windows = account_windows("1:x", scheme([RPM]), overrides(own))

        assert numbers(windows) == UNLIMITED | {
            "1:x#requests/minute": 30,
            "1:x#requests/second": 2,
            "1:x#requests/once": 7,
            "1:x#tokens/month": 9,
            "1:x#concurrency/now": 3,
        }

    def test_leave_the_others_where_one_is_overridden(self):
        windows = account_windows("1:x", scheme([RPM, RPD, TPD]), overrides(rpd_limit=5))

        assert [window.limit for window in windows] == [30, 5, 500_000]

    def test_follow_the_short_field_where_both_name_a_window(self):
        windows = account_windows("1:x", scheme([RPM]), overrides({"requests": {"minute": 5}}, rpm_limit=10))

        assert numbers(windows)["1:x#requests/minute"] == 10

    def test_follow_limits_where_the_short_field_is_null(self):
        windows = account_windows(
            "1:x", scheme([RPM]), overrides({"requests": {"minute": 5}}, rpm_limit=None)
        )

        assert numbers(windows)["1:x#requests/minute"] == 5

    def test_stay_the_catalogues_where_limits_say_null(self):
        windows = account_windows("1:x", scheme([RPM]), overrides({"requests": {"minute": None}}))

        assert numbers(windows)["1:x#requests/minute"] == 30


class TestModelWindows:
    def test_are_the_models_own(self):
        limit = Limit("tokens", "minute", 6_000, kind="bucket")

        windows = model_windows("1:groq|m", "m", [limit], scheme((), [limit]), overrides())

        assert windows == (
            upstreams_window("1:groq|m#tokens/minute", "tokens", "minute", 6_000, kind="bucket"),
        )

    @pytest.mark.parametrize("limit", [5_000, 0])
    def test_give_way_to_an_override_of_what_the_account_counts(self, limit):
        own = [Limit("requests", "day", 1_000), Limit("tokens", "minute", 6_000)]

        windows = model_windows("1:x|m", "m", own, scheme([RPD], own), overrides(rpd_limit=limit))

        assert numbers(windows) == {"1:x|m#tokens/minute": 6_000}

    def test_take_the_number_of_an_override_of_what_is_counted_for_each(self):
        each = [Limit("requests", "day", 1_000, each=True), Limit("requests", "minute", 30, each=True)]

        windows = model_windows("1:x|m", "m", [], scheme(each), overrides(rpd_limit=5_000))

        assert numbers(windows) == {"1:x|m#requests/day": 5_000, "1:x|m#requests/minute": 30}

    def test_are_lifted_by_zero(self):
        each = [Limit("requests", "day", 1_000, each=True)]

        assert model_windows("1:x|m", "m", [], scheme(each), overrides(rpd_limit=0)) == ()

    def test_come_by_an_override_to_a_model_whose_others_are_counted_apart(self):
        other = Limit("requests", "day", 20, zone=PACIFIC)

        windows = model_windows("1:x|m", "m", [], scheme((), [other]), overrides(rpd_limit=50))

        day = upstreams_window("1:x|m#requests/day", "requests", "day", 50, zone=PACIFIC, own=True)
        assert windows == (day,)

    def test_of_its_own_win_over_those_of_each(self):
        each = [Limit("requests", "minute", 30, each=True), Limit("tokens", "minute", 8_000, each=True)]

        windows = model_windows(
            "1:x|m", "m", [Limit("requests", "minute", 5, kind="bucket")], scheme(each), overrides()
        )

        assert windows == (
            upstreams_window("1:x|m#requests/minute", "requests", "minute", 5, kind="bucket"),
            upstreams_window("1:x|m#tokens/minute", "tokens", "minute", 8_000),
        )

    def test_of_each_are_by_the_first_entry_that_matches(self):
        each = [
            Limit("requests", "minute", 20, models=("whisper-*",), each=True),
            Limit("requests", "minute", 30, each=True),
        ]

        def limit_of(model):
            [window] = model_windows(f"1:x|{model}", model, [], scheme(each), overrides())
            return window.limit

        assert (limit_of("whisper-large"), limit_of("gpt")) == (20, 30)


class TestGroupWindows:
    FREE = Limit("requests", "day", 50, models=("*:free", "free"))

    def test_are_those_of_the_groups_that_the_model_is_in(self):
        found = group_windows("1:x", "qwen:free", scheme([self.FREE]), overrides())

        assert found == (upstreams_window("1:x&*:free free#requests/day", "requests", "day", 50),)
        assert group_windows("1:x", "qwen", scheme([self.FREE]), overrides()) == ()

    def test_may_have_a_name(self):
        named = Limit("requests", "day", 50, models=("*:free",), group="free models")

        [window] = group_windows("1:x", "a:free", scheme([named]), overrides())

        assert window.scope == "1:x&free models"

    def test_take_the_number_of_an_override_and_nothing_else_is_made_of_it(self):
        counted = scheme([self.FREE])
        own = overrides(rpd_limit=1_000)

        [window] = group_windows("1:x", "a:free", counted, own)

        assert window.limit == 1_000
        for model in ("a:free", "paid"):
            assert model_windows(f"1:x|{model}", model, [], counted, own) == ()
        assert numbers(account_windows("1:x", counted, own))["1:x#requests/day"] == 0

    def test_bind_models_that_nobody_lists_as_well(self):
        each = Limit("tokens", "minute", 9, each=True)

        windows = candidate_windows("1:x", "new:free", "*", [], scheme([self.FREE, each]), overrides())

        assert numbers(windows) == {"1:x&*:free free#requests/day": 50, "1:x|*#tokens/minute": 9}


def told(model, span, limit, **own):
    return Overrides.of({}, own, {model: {span: Told(limit, "refusal", 0.0)}})


RPD_SPAN = Span("requests", "day")


class TestWhatTheProviderTold:
    @pytest.mark.parametrize("limit", [20_000, 100])
    def test_counts_instead_of_the_catalogue(self, limit):
        windows = account_windows("1:x", scheme([RPD]), told("", RPD_SPAN, limit))

        assert numbers(windows)["1:x#requests/day"] == limit

    @pytest.mark.parametrize(("user", "bound"), [(50, 50), (500, 100), (0, 0)])
    def test_is_never_above_what_the_user_set(self, user, bound):
        windows = account_windows("1:x", scheme([RPD]), told("", RPD_SPAN, 100, rpd_limit=user))

        assert numbers(windows)["1:x#requests/day"] == bound

    def test_of_an_account_is_about_the_group_that_counts_it(self):
        counted = scheme([TestGroupWindows.FREE])
        own = told("", RPD_SPAN, 1_000)

        assert [window.limit for window in group_windows("1:x", "a:free", counted, own)] == [1_000]
        assert numbers(account_windows("1:x", counted, own))["1:x#requests/day"] == 0

    def test_of_a_model_is_about_that_model(self):
        each = scheme([Limit("requests", "day", 20, each=True)])
        own = told("a", RPD_SPAN, 500)

        found = {
            model: [window.limit for window in model_windows(f"1:x|{model}", model, [], each, own)]
            for model in "ab"
        }

        assert found == {"a": [500], "b": [20]}

    def test_makes_a_window_where_nobody_knew_of_one(self):
        others = scheme((), [Limit("requests", "day", 20, zone=PACIFIC)])

        [day] = model_windows("1:x|a", "a", [], others, told("a", RPD_SPAN, 500))
        [minute] = model_windows("1:x|a", "a", [], others, told("a", Span("input_tokens", "minute"), 9))

        told_day = upstreams_window("1:x|a#requests/day", "requests", "day", 500, zone=PACIFIC, certain=True)
        assert day == told_day
        assert (minute.kind, minute.limit) == ("rolling", 9)


class TestShownLimits:
    EACH = Limit("requests", "day", 1_000, each=True)

    @pytest.mark.parametrize(
        ("declared", "own", "overridden", "shown"),
        [
            ([], [], None, None),
            ([], [], 5, 5),
            ([], [], 0, 0),
            ([RPD], [], None, 14_400),
            ([RPD], [], 0, 0),
            ([EACH], [], None, 1_000),
            ([EACH], [Limit("requests", "day", 250)], None, 250),
            ([EACH], [], 7, 7),
            ([EACH], [], 0, 0),
            ([TestGroupWindows.FREE], [], None, None),
            ([TestGroupWindows.FREE, EACH], [], None, 1_000),
        ],
    )
    def test_are_the_accounts_or_else_the_default_models(self, declared, own, overridden, shown):
        found = shown_limit(RPD_SPAN, "m", own, scheme(declared, own), overrides(rpd_limit=overridden))

        assert found == shown

    def test_of_a_default_model_in_a_group_are_the_groups(self):
        found = shown_limit(RPD_SPAN, "m:free", [], scheme([TestGroupWindows.FREE]), overrides())

        assert found == 50


class TestValidation:
    def test_keeps_numbers_zero_and_null(self):
        raw = {
            "requests": {"minute": 30, "day": 0, "month": None, "once": 1},
            "tokens": {},
            "money": {"30day": 10},
            "concurrency": {"now": 2},
        }

        assert validate_limits(raw) == raw

    @pytest.mark.parametrize(
        ("raw", "field"),
        [
            ([], "limits"),
            ({"calls": {}}, "limits.calls"),
            ({"requests": {"now": 1}}, "limits.requests.now"),
            ({"concurrency": {"minute": 1}}, "limits.concurrency.minute"),
            ({"tokens": {f"{n}day": 1 for n in range(2, 30)}}, "limits.tokens"),
            ({"requests": 5}, "limits.requests"),
            ({"requests": {"fortnight": 5}}, "limits.requests.fortnight"),
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

    def test_takes_the_clients_cap_for_the_ceiling_that_it_is(self):
        assert token_claim(offer_with(), 100, 400) == 500
        assert token_claim(offer_with(), 100, 64_000) == 1_124
        assert token_claim(offer_with(), 100, 64_000, 3_000) == 3_100

    def test_takes_a_cap_whole_where_it_is_charged(self):
        charging = offer_with(preset=Preset(charges_caps=True))

        assert token_claim(charging, 100, 4_000) == 4_100
        assert token_claim(charging, 100, None) == 1_124

    def test_never_expects_more_than_the_model_can_say(self):
        assert token_claim(offer_with(max_output_tokens=500), 100, 4_000) == 600

    def test_is_cut_to_the_smallest_token_window(self):
        minute, day = Window("a", "tokens", "minute", 6_000), Window("b", "tokens", "day", 100_000)

        assert token_claim(offer_with(minute, day), 1_000, 32_000, LONG_ANSWER_TOKENS) == 6_000

    def test_ignores_windows_of_requests_and_unlimited_ones(self):
        requests, unlimited = Window("a", "requests", "minute", 30), Window("b", "tokens", "day", 0)

        assert token_claim(offer_with(requests, unlimited), 1_000, 2_000, 2_000) == 3_000

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
            until_reset(unit, [Window("a", "requests", unit, 5, kind="rolling")], 1_000.0) == 1_000.0 + wait_s
        )

    def test_is_the_latest_of_several_windows_of_that_length(self):
        windows = [Window("a", "requests", "day", 5), Window("b", "tokens", "day", 5, zone=PACIFIC)]

        assert until_reset("day", windows, at("2026-07-01T12:00")) == at("2026-07-02T07:00")

    def test_is_the_utc_boundary_where_no_such_window_is_declared(self):
        windows = [Window("a", "requests", "minute", 5, kind="rolling")]

        assert until_reset("day", windows, at("2026-07-01T12:00")) == at("2026-07-02T00:00")
