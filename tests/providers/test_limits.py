"""Quota windows as the catalogue, the admin site and stored rows declare them."""

import pytest

from apps.core.state.keys import Span
from apps.providers.limits import Limit, LimitsError, parse_limits, written_limits

RPM = {"metric": "requests", "unit": "minute", "limit": 30}


def only(*, of_model=False, **fields):
    [limit] = parse_limits([RPM | fields], of_model=of_model)
    return limit


@pytest.mark.parametrize(
    "declared",
    [
        RPM,
        RPM | {"kind": "rolling"},
        RPM | {"kind": "bucket"},
        RPM | {"unit": "5hour", "kind": "first_use"},
        RPM | {"unit": "day", "zone": "America/Los_Angeles"},
        RPM | {"unit": "once"},
        RPM | {"models": ["*:free"]},
        RPM | {"models": ["*:free"], "group": "free"},
        RPM | {"each": True},
        RPM | {"each": True, "models": ["whisper-*"]},
        {"metric": "concurrency", "limit": 1, "each": True},
        {"metric": "money", "unit": "month", "limit": 10_000_000},
    ],
)
def test_is_written_as_it_was_declared(declared):
    assert written_limits(parse_limits([declared])) == [declared]


def test_calls_at_a_time_have_no_length():
    assert parse_limits([{"metric": "concurrency", "limit": 2}])[0].span == Span("concurrency", "now")


@pytest.mark.parametrize("extra", [{}, {"zone": "Asia/Tokyo"}, {"kind": "rolling"}])
def test_the_former_word_for_rolling_is_read_and_written_no_more(extra):
    limits = parse_limits([RPM | {"rolling": True} | extra])

    assert limits == (Limit("requests", "minute", 30, kind="rolling"),)
    assert written_limits(limits) == [RPM | {"kind": "rolling"}]


def test_rolling_false_says_nothing():
    assert only(rolling=False) == only()


@pytest.mark.parametrize(
    ("raw", "of_model", "field", "said"),
    [
        ({}, False, "limits", "must be a list"),
        ([RPM] * 201, False, "limits", "more than 200"),
        ([7], False, "limits[0]", "must be an object"),
        ([RPM | {"limt": 3}], False, "limits[0]", "limt"),
        ([RPM | {"limit": -1}], False, "limits[0]", ">= 0"),
        ([RPM | {"metric": "calls"}], False, "limits[0].metric", "'calls' is not counted"),
        ([RPM | {"unit": "fortnight"}], False, "limits[0].unit", "once"),
        ([RPM | {"unit": "now"}], False, "limits[0].unit", "no length"),
        ([RPM | {"kind": "sliding"}], False, "limits[0]", "kind"),
        ([RPM | {"zone": "Mars/Olympus"}], False, "limits[0].zone", "not a time zone"),
        ([RPM | {"kind": "bucket", "zone": "Asia/Tokyo"}], False, "limits[0].zone", "bucket"),
        ([RPM | {"kind": "bucket", "rolling": True}], False, "limits[0].rolling", "'bucket'"),
        ([RPM | {"rolling": "yes"}], False, "limits[0].rolling", "true or false"),
        ([RPM | {"unit": "once", "kind": "fixed"}], False, "limits[0].kind", "once"),
        ([RPM | {"unit": "once", "zone": "UTC"}], False, "limits[0].zone", "once"),
        ([{"metric": "concurrency", "unit": "minute", "limit": 1}], False, "limits[0].unit", "leave it out"),
        ([{"metric": "concurrency", "limit": 1, "kind": "bucket"}], False, "limits[0].kind", "concurrency"),
        ([RPM | {"each": True}], True, "limits[0].each", "only a provider's"),
        ([RPM | {"models": ["*"]}], True, "limits[0].models", "only a provider's"),
        ([RPM | {"group": "free"}], True, "limits[0].group", "only a provider's"),
        ([RPM | {"group": "free"}], False, "limits[0].group", "needs `models`"),
        ([RPM | {"group": "a", "models": ["*"], "each": True}], False, "limits[0].group", "no `each`"),
        ([RPM | {"models": [""]}], False, "limits[0]", "models"),
        ([RPM, RPM], False, "limits[1]", "second window of requests per minute"),
        ([RPM | {"each": True}] * 2, False, "limits[1]", "for each of the models"),
        (
            [RPM | {"models": ["a"], "group": "x"}, RPM | {"models": ["b"], "group": "x"}],
            False,
            "limits[1]",
            "for x",
        ),
    ],
)
def test_names_the_field_that_is_wrong(raw, of_model, field, said):
    with pytest.raises(LimitsError) as error:
        parse_limits(raw, of_model=of_model)

    assert error.value.field == field
    assert said in error.value.message


def test_an_account_a_group_and_each_model_may_count_the_same():
    declared = [RPM, RPM | {"each": True}, RPM | {"models": ["a*"]}, RPM | {"models": ["a*"], "each": True}]

    assert len(parse_limits(declared)) == 4


@pytest.mark.parametrize(
    ("patterns", "model", "bound"),
    [
        ([], "anything", True),
        (["*:free"], "qwen/qwen3:free", True),
        (["*:free"], "qwen/qwen3", False),
        (["a", "b*"], "beta", True),
        (["A*"], "alpha", False),
    ],
)
def test_patterns_are_those_of_file_names(patterns, model, bound):
    assert only(models=patterns, each=True).matches(model) is bound


def test_a_group_without_a_name_is_called_by_its_patterns():
    assert only(models=["b", "a"]).group_name == only(models=["a", "b"]).group_name == "a b"
    assert only(models=["b", "a"], group="free").group_name == "free"
