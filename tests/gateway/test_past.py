"""What the state store is rebuilt from: as far back as some window counts, and not farther."""

from datetime import UTC, datetime

import pytest

from apps.analytics.drain import _insert
from apps.core import clock
from apps.core.state.contract import Window
from apps.core.state.keys import Span, client_key
from apps.gateway import past
from tests.analytics.examples import ended
from tests.gateway.conftest import USER, Gateway, Limit, use_key

DAY_S = 86_400
NOW = datetime(2026, 3, 1, 12, 30, 30, tzinfo=UTC).timestamp()
MIDNIGHT_S = 12 * 3600 + 30 * 60 + 30


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limit", "reach_s"),
    [
        (Limit("requests", "5hour", 9, rolling=True), MIDNIGHT_S),  # the fixed day that every account has
        (Limit("requests", "24hour", 9, rolling=True), DAY_S * 61 // 60),
        (Limit("requests", "month", 9, rolling=True), 30 * DAY_S * 61 // 60),  # all of February, and more
        (Limit("requests", "month", 9), MIDNIGHT_S),
        (Limit("requests", "3month", 9), 59 * DAY_S + MIDNIGHT_S),
        (Limit("tokens", "2week", 9, rolling=True), 14 * DAY_S * 61 // 60),
    ],
)
def test_reaches_back_as_far_as_the_longest_window(gateway: Gateway, monkeypatch, limit: Limit, reach_s: int):
    gateway.add("gemini", limits=[limit])  # which reports no windows beside its own
    monkeypatch.setattr(clock, "now", lambda: NOW)
    ages = (5, reach_s - 1, reach_s + 1)
    _insert([ended(at=NOW - age, user_id=USER, provider="gemini", model="ok") for age in ages], "default")

    assert sorted(round(NOW - usage.at) for usage in past.usage(NOW)) == [5, reach_s - 1]


@pytest.mark.django_db
def test_names_what_was_used_by_metric_and_leaves_out_models_that_are_gone(gateway: Gateway, monkeypatch):
    gateway.add("groq")
    monkeypatch.setattr(clock, "now", lambda: NOW)
    events = [
        ended(at=NOW - 5, user_id=USER, provider="groq", model=model, prompt_tokens=10, completion_tokens=3)
        for model in ("ok", "gone")
    ]
    _insert(events, "default")

    (usage,) = past.usage(NOW)

    assert usage.amounts == {"requests": 1, "tokens": 13}
    assert {str(window.span) for window in usage.windows} >= {"requests/day", "tokens/day"}


@pytest.mark.django_db
def test_requests_of_client_keys_are_charged_once_however_many_attempts_they_took(
    gateway: Gateway, monkeypatch
):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    window = Window.of(client_key(USER, 7), Span("requests", "minute"), 5, rolling=True)
    use_key(windows=(window,))
    events = [
        ended(at=NOW - age, user_id=USER, client_id=client, request_id=request)
        for age, client, request in (
            (50, 7, "a"),
            (49, 7, "a"),
            (5, 7, "b"),
            (5, 8, "c"),
            (5, None, "d"),
            (90, 7, "e"),
        )
    ]
    _insert(events, "default")

    used = [usage for usage in past.usage(NOW) if usage.windows == (window,)]

    assert sorted((round(NOW - usage.at), usage.amounts["requests"]) for usage in used) == [(5, 1), (50, 1)]


@pytest.mark.django_db
def test_what_a_model_that_is_gone_refused_is_not_counted(gateway: Gateway, monkeypatch):
    gateway.add("groq")
    monkeypatch.setattr(clock, "now", lambda: NOW)
    kinds = ("model_gone", "refused", "")
    _insert(
        [ended(at=NOW - 5, user_id=USER, provider="groq", model="ok", error_kind=kind) for kind in kinds],
        "default",
    )

    (usage,) = past.usage(NOW)

    assert usage.amounts["requests"] == 2
