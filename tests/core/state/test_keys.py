"""Keys survive being taken apart, whatever a model is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.state.contract import Window
from apps.core.state.keys import (
    Span,
    belongs,
    candidate_key,
    client_key,
    credential_key,
    parse_window_key,
    provider_of,
    window_key,
)
from apps.core.state.periods import UNITS

periods = st.builds(
    lambda count, unit: f"{count}{unit}" if count > 1 else unit, st.integers(1, 40), st.sampled_from(UNITS)
)
spans = st.builds(Span, st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True), periods)
names = st.text(min_size=1, max_size=30)
providers = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)


@given(user=st.integers(1), provider=providers, model=names, span=spans)
def test_a_window_of_a_candidate_is_taken_apart_again(
    user: int, provider: str, model: str, span: Span
) -> None:
    account = credential_key(user, provider)
    scope = candidate_key(account, model)

    assert parse_window_key(window_key(scope, span)) == (scope, span)
    assert provider_of(account) == provider
    assert belongs(scope, account)


@given(one=providers, other=providers, model=names)
def test_a_candidate_belongs_to_its_own_account_only(one: str, other: str, model: str) -> None:
    assert belongs(candidate_key(credential_key(1, one), model), credential_key(1, other)) is (one == other)


@given(user=st.integers(1), client=st.integers(1), provider=providers)
def test_a_client_key_is_no_account(user: int, client: int, provider: str) -> None:
    assert not belongs(client_key(user, client), credential_key(user, provider))
    assert client_key(user, client).startswith(f"{user}:")


@pytest.mark.parametrize(("metric", "period"), [("requests", "day"), ("audio_seconds", "5hour")])
def test_a_window_knows_its_span(metric: str, period: str) -> None:
    window = Window.of("1:groq", Span(metric, period), 5)

    assert window.key == f"1:groq#{metric}/{period}"
    assert window.span == (metric, period)
    assert str(window.span) == f"{metric}/{period}"
