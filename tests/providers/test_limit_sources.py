"""Who says how much a window allows."""

import pytest

from apps.core.state.keys import Span, credential_key
from apps.providers.limits import Limit
from apps.providers.overrides import Overrides, Told, Voice
from apps.providers.quotas import Scheme, account_windows, candidate_windows, source_of

CREDENTIAL = credential_key(1, "x")
DAY = Span("requests", "day")
ACCOUNT = Limit("requests", "day", 1000)
EACH = Limit("requests", "day", 100, each=True)
GROUP = Limit("requests", "day", 50, models=("*:free|b",), group="free|models")


def sources(declared: Limit, overrides: Overrides, *, edited: bool = False) -> dict[str, tuple[int, str]]:
    """By the key of each limited window of the model m:free|b: its number, and whose that is."""
    scheme = Scheme.of([declared], (), frozenset({DAY}) if edited else frozenset())
    name = "m:free|b"
    windows = account_windows(CREDENTIAL, scheme, overrides) + candidate_windows(
        CREDENTIAL, name, name, (), scheme, overrides
    )
    return {
        window.key.removeprefix(CREDENTIAL): (
            window.limit,
            source_of(window, name, (), scheme, overrides),
        )
        for window in windows
        if window.limit
    }


def told(limit: int, source: Voice = "header", *, model: str = "", own: int | None = None) -> Overrides:
    return Overrides({} if own is None else {DAY: own}, {model: {DAY: Told(limit, source, 0.0)}})


@pytest.mark.parametrize(
    ("declared", "key"),
    [(ACCOUNT, "#requests/day"), (GROUP, "&free|models#requests/day"), (EACH, "|m:free|b#requests/day")],
    ids=["account", "group", "model"],
)
class TestSource:
    def test_is_the_catalogue_where_nobody_else_says_anything(self, declared: Limit, key: str):
        assert sources(declared, Overrides()) == {key: (declared.limit, "declared")}

    @pytest.mark.parametrize(
        ("voice", "source"), [("header", "header"), ("refusal", "learnt"), ("account", "learnt")]
    )
    def test_is_the_provider_that_told_it(self, declared: Limit, key: str, voice: Voice, source: str):
        about = "m:free|b" if declared is EACH else ""

        assert sources(declared, told(20, voice, model=about)) == {key: (20, source)}

    def test_is_an_operator_who_knew_better(self, declared: Limit, key: str):
        about = "m:free|b" if declared is EACH else ""

        assert sources(declared, told(5000, model=about), edited=True) == {key: (declared.limit, "declared")}


def test_is_the_user_who_set_it():
    assert sources(ACCOUNT, Overrides({DAY: 7})) == {"#requests/day": (7, "override")}


@pytest.mark.parametrize(
    ("own", "told_limit", "expected"), [(7, 20, (7, "override")), (70, 20, (20, "header"))]
)
def test_is_the_lower_of_two(own: int, told_limit: int, expected: tuple[int, str]):
    assert sources(ACCOUNT, told(told_limit, own=own)) == {"#requests/day": expected}


def test_of_a_window_that_nobody_declared_is_whoever_named_it():
    week = Overrides({Span("requests", "week"): 9})

    assert sources(ACCOUNT, week)["#requests/week"] == (9, "override")
