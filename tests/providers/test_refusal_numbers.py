"""What a refusal's sentence says in numbers."""

import time

import pytest

from apps.core.state.contract import Subject, Window
from apps.core.state.keys import Span
from apps.providers.adapters.refusals.numbers import metric_of, told_limits
from tests.factories import make_offer

TOKENS, REQUESTS, DAY = Span("tokens", "minute"), Span("requests", "minute"), Span("requests", "day")
GROQ = (
    "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` on tokens per minute (TPM): Limit 6000, Used 5900, "
    "Requested 300. Please try again in 2s."
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GROQ, (TOKENS, 6000)),
        (GROQ.replace("tokens per minute (TPM)", "requests per day (RPD)"), (DAY, 6000)),
        ("Rate limit reached for m on requests per min (RPM): Limit: 3, Used 3", (REQUESTS, 3)),
        ("Rate limit (RPM): Limit 3", (REQUESTS, 3)),
        ("Too many requests", None),
        ("Limit 6000", None),
        ("on tokens per minute: Limit 0, Used 0", None),
        ("on tokens per minute or requests per day: Limit 7", None),
        ("on tokens per minute." + " " * 100 + "Limit 6000", None),
        ("on tokens per minute: Limit 99999999999999999999", None),
        ("", None),
    ],
)
def test_a_limit_is_told_behind_the_one_window_that_is_named(text, told):
    expected = () if told is None else ((*told, "model"),)

    assert told_limits(text, make_offer()) == expected


@pytest.mark.parametrize(
    ("scopes", "told"), [(["1:groq"], "account"), (["1:groq", "1:groq|m"], "model"), ([], "model")]
)
def test_a_number_is_of_the_account_where_only_that_has_such_a_limit(scopes, told):
    windows = tuple(Window.of(scope, TOKENS, 10) for scope in scopes)
    offer = make_offer(subject=Subject("1:groq", "1:groq|m", windows))

    assert told_limits(GROQ, offer) == ((TOKENS, 6000, told),)


def test_what_was_too_much_is_told_of_the_window_that_is_meant():
    assert metric_of(GROQ, "minute") == "tokens"
    assert metric_of(GROQ, "day") is None
    assert metric_of("Too many requests", "minute") is None


def test_a_hostile_text_costs_nothing():
    text = "tokens per minute (TPM) " * 100_000
    began = time.perf_counter()

    assert told_limits(text, make_offer()) == ()
    assert time.perf_counter() - began < 0.1
