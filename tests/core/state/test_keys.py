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
    group_key,
    group_name,
    parse_window_key,
    part_of,
    provider_key,
    provider_of,
    user_of,
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
    assert (user_of(account), provider_of(account)) == (user, provider)
    assert belongs(scope, account)


@given(one=providers, other=providers, model=names)
def test_a_candidate_belongs_to_its_own_account_only(one: str, other: str, model: str) -> None:
    assert belongs(candidate_key(credential_key(1, one), model), credential_key(1, other)) is (one == other)


@given(user=st.integers(1), one=providers, other=providers, model=names)
def test_accounts_and_candidates_belong_to_their_own_provider_only(
    user: int, one: str, other: str, model: str
) -> None:
    account = credential_key(user, one)

    for scope in (provider_key(one), account, candidate_key(account, model)):
        assert belongs(scope, provider_key(other)) is (one == other)
    assert not belongs(provider_key(one), account)


@given(user=st.integers(1), client=st.integers(1), provider=providers)
def test_a_client_key_is_no_account(user: int, client: int, provider: str) -> None:
    for owner in (credential_key(user, provider), provider_key(provider), provider_key("client")):
        assert not belongs(client_key(user, client), owner)
    assert client_key(user, client).startswith(f"{user}:")


@pytest.mark.parametrize(("metric", "period"), [("requests", "day"), ("audio_seconds", "5hour")])
def test_a_window_knows_its_span(metric: str, period: str) -> None:
    window = Window.of("1:groq", Span(metric, period), 5)

    assert window.key == f"1:groq#{metric}/{period}"
    assert window.span == (metric, period)
    assert str(window.span) == f"{metric}/{period}"


@given(user=st.integers(1), provider=providers, name=st.text(max_size=30), model=names, span=spans)
def test_a_window_of_a_group_is_taken_apart_again_and_is_no_models(
    user: int, provider: str, name: str, model: str, span: Span
) -> None:
    credential = credential_key(user, provider)
    group = group_key(credential, name)

    assert parse_window_key(window_key(group, span)) == (group, span)
    assert group_name(group) == name
    assert group not in (credential, candidate_key(credential, model))


@given(user=st.integers(1), provider=providers, name=st.text(max_size=30))
def test_a_scope_tells_which_part_of_the_account_it_is(user: int, provider: str, name: str) -> None:
    credential = credential_key(user, provider)

    assert part_of(credential) == ("account", "")
    assert part_of(group_key(credential, name)) == ("group", name)
    assert part_of(candidate_key(credential, name)) == ("model", name)
