"""What becomes of a whole account, from what becomes of its windows."""

from typing import Any

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Reading, Window
from apps.core.state.keys import Span, candidate_key, credential_key, group_key
from apps.core.state.lesson import Lesson
from apps.providers.forecast import Forecast
from apps.providers.outlook import Outlook, Quota, outlook_as_json, overall, quota_as_json

NOON = 1_768_478_400.0  # 2026-01-15 12:00 UTC
ACCOUNT = credential_key(1, "groq")
LASTS, UNKNOWN = Forecast("lasts"), Forecast(None, why="too_little_data")
NEVER_KNOWN = Forecast(None, why="not_over_time")


def ends(hours: float) -> Forecast:
    return Forecast("runs_out", NOON + hours * 3600)


def out(hours: float | None) -> Forecast:
    return Forecast("out", None if hours is None else NOON + hours * 3600)


def quota(forecast: Forecast, scope: str = ACCOUNT, period: str = "day", **reading: Any) -> Quota:
    known: dict[str, Any] = {"used": 40, "counted": 40, "free_at": 0.0, "resets_at": NOON + 43_200}
    return Quota(
        window=Window.of(scope, Span("requests", period), 100),
        reading=Reading(**(known | reading)),
        forecast=forecast,
        source="declared",
    )


def of_models(**forecasts: Forecast) -> Outlook:
    """An account that only counts each model."""
    models = {name: (quota(each, candidate_key(ACCOUNT, name)),) for name, each in forecasts.items()}
    return Outlook((), models, models)


@pytest.mark.parametrize(
    ("windows", "worst"),
    [
        ([LASTS, LASTS], LASTS),
        ([LASTS, ends(3)], ends(3)),
        ([ends(5), ends(3)], ends(3)),
        ([ends(1), out(2)], out(2)),
        ([out(1), out(2)], out(2)),
        ([out(1), out(None)], out(None)),
        ([LASTS, UNKNOWN], UNKNOWN),
        ([UNKNOWN, ends(3)], ends(3)),
        ([NEVER_KNOWN, LASTS], LASTS),
        ([NEVER_KNOWN, UNKNOWN], UNKNOWN),
        ([NEVER_KNOWN], NEVER_KNOWN),
    ],
    ids=str,
)
def test_an_account_is_as_its_worst_window(windows: list[Forecast], worst: Forecast):
    found = overall(Outlook(tuple(quota(each) for each in windows)))

    assert found is not None
    assert (found.forecast, found.first) == (worst, None)


def test_without_a_limited_window_there_is_nothing_to_say():
    assert overall(Outlook()) is None
    assert outlook_as_json(Outlook(), NOON) is None


class TestWindowsOfModels:
    def test_end_nothing_while_another_model_can_serve_but_the_first_is_named(self):
        found = overall(of_models(a=ends(5), b=ends(3), c=LASTS))

        assert found is not None
        assert found.forecast == LASTS
        assert found.first is not None
        assert (found.first[0], found.first[1].forecast) == ("b", ends(3))

    def test_end_it_with_the_last_model(self):
        found = overall(of_models(a=ends(5), b=ends(3), c=out(9)))

        assert found is not None
        assert (found.forecast, found.model) == (ends(5), "a")

    def test_that_are_all_out_end_it_until_the_first_is_back(self):
        found = overall(of_models(a=out(9), b=out(4), c=out(None)))

        assert found is not None
        assert (found.forecast, found.model) == (out(4), "b")

    def test_nobody_can_tell_if_nobody_can_tell_of_the_rest(self):
        found = overall(of_models(a=ends(5), b=UNKNOWN))

        assert found is not None
        assert found.forecast == UNKNOWN
        assert found.first is not None

    def test_say_how_it_is_where_the_accounts_have_no_pace(self):
        models = {"a": (quota(LASTS, candidate_key(ACCOUNT, "a")),), "b": (quota(NEVER_KNOWN),)}

        found = overall(Outlook((quota(NEVER_KNOWN),), models, models))

        assert found is not None
        assert found.forecast == LASTS

    def test_do_not_hide_that_the_account_ends(self):
        models = {"a": (quota(LASTS, candidate_key(ACCOUNT, "a")),)}

        found = overall(Outlook((quota(ends(2)),), models, models))

        assert found is not None
        assert (found.forecast, found.model) == (ends(2), "")

    def test_of_a_group_bind_its_models_only(self):
        free = quota(out(3), group_key(ACCOUNT, "free"))
        found = overall(Outlook((free,), {}, {"a:free": (free,), "b": ()}))

        assert found is not None
        assert found.forecast == LASTS
        assert found.first == ("a:free", free)

    def test_count_only_where_they_are_asked_for(self):
        models = {
            "a": (
                quota(out(1), candidate_key(ACCOUNT, "a"), "minute"),
                quota(ends(3), candidate_key(ACCOUNT, "a")),
            )
        }

        found = overall(Outlook((), models, models), counts=lambda quota: quota.window.period == "day")

        assert found is not None
        assert found.forecast == ends(3)


def test_a_window_is_told_with_its_numbers_and_times():
    told = quota_as_json(quota(ends(3.02), candidate_key(ACCOUNT, "a/b|c"), reported_at=NOON - 60), NOON)

    assert {name: str(value) if name.endswith("_at") else value for name, value in told.items()} == {
        "scope": "model",
        "name": "a/b|c",
        "metric": "requests",
        "period": "day",
        "kind": "fixed",
        "zone": "UTC",
        "limit": 100,
        "used": 40,
        "left": 60,
        "resets_at": "2026-01-16 00:00:00+00:00",
        "reported_at": "2026-01-15 11:59:00+00:00",
        "source": "declared",
        "learnt": None,
        "outlook": "runs_out",
        "runs_out_at": "2026-01-15 15:00:00+00:00",
        "out_until": None,
        "no_forecast_because": None,
    }


def test_a_limit_that_was_learnt_is_told_with_its_evidence():
    window = Window.of(ACCOUNT, Span("requests", "day"), 60)
    lesson = Lesson(window.key, 60, 100, NOON - 60, "refused", used=60, probe_at=NOON + 600)
    told = quota_as_json(replace(quota(LASTS, lesson=lesson), window=window), NOON)

    assert (told["limit"], told["left"]) == (60, 20)
    assert {name: str(value) for name, value in told["learnt"].items()} == {
        "declared": "100",
        "from": "refused",
        "used": "60",
        "at": "2026-01-15 11:59:00+00:00",
        "more_asked_at": "2026-01-15 12:10:00+00:00",
    }


def test_a_window_of_all_models_is_the_accounts_whatever_its_key():
    told = quota_as_json(quota(out(1), group_key(ACCOUNT, ""), used=130), NOON)

    assert (told["scope"], told["name"], told["left"]) == ("account", None, 0)
    assert (told["runs_out_at"], str(told["out_until"])) == (None, "2026-01-15 13:00:00+00:00")


def test_an_account_says_which_window_ends_it_and_why_nothing_is_known():
    ending = outlook_as_json(Outlook((quota(ends(3)),)), NOON)
    unknown = outlook_as_json(Outlook((quota(UNKNOWN),)), NOON)

    assert ending is not None
    assert (ending["state"], ending["window"], ending["model"]) == ("runs_out", "requests/day", None)
    assert unknown is not None
    assert (unknown["state"], unknown["no_forecast_because"]) == (None, "too_little_data")
