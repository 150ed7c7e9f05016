"""Definitions: what is valid, what the errors say, which candidates stay, and what a lint finds."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.strategies.definition import (
    MAX_CLAUSES,
    DefinitionError,
    lint_definition,
    parse_definition,
)
from apps.strategies.expression import CandidateFacts, RequestFacts

FAST = CandidateFacts(name="groq", latency_ema_ms=120.0, price_input=0.0, free=True)
SLOW = CandidateFacts(name="cohere", latency_ema_ms=2000.0, price_input=1.0, free=False)
UNMEASURED = CandidateFacts(name="mistral", price_input=0.0, free=True)
UNPRICED = CandidateFacts(name="other", latency_ema_ms=120.0, free=False)
REQUEST = RequestFacts(prompt_tokens=10)


def refusal(raw):
    with pytest.raises(DefinitionError) as caught:
        parse_definition(raw)
    return caught.value


def requiring(*sources):
    return parse_definition({"require": [{"when": source} for source in sources]})


def test_accepts_the_shipped_example():
    definition = parse_definition({"prefer": [{"when": "latency_ema_ms < 500", "weight": 30}]})

    [preference] = definition.prefer
    assert (preference.path, preference.weight, definition.require) == ("prefer[0].when", 30.0, ())


def test_both_sections_are_optional():
    definition = parse_definition({})

    assert (definition.raw, definition.require, definition.prefer) == ({}, (), ())


def test_keeps_an_own_copy_for_storing():
    require = [{"when": "free"}]
    raw = {"require": require, "prefer": [{"when": "vision", "weight": 5}]}
    definition = parse_definition(raw)

    require.clear()

    assert definition.raw == {"require": [{"when": "free"}], "prefer": [{"when": "vision", "weight": 5}]}
    assert json.loads(json.dumps(definition.raw)) == definition.raw


@pytest.mark.parametrize(
    ("raw", "clause", "message"),
    [
        (None, "definition", "must be an object, found null"),
        ([], "definition", "must be an object, found a list"),
        ({"prefers": []}, "definition", "unknown key 'prefers'. Did you mean prefer?"),
        ({"require": {}}, "require", "must be a list of clauses, found an object"),
        ({"require": None}, "require", "must be a list of clauses, found null"),
        ({"require": ["free"]}, "require[0]", "must be an object, found a string"),
        ({"require": [{"when": "free"}, {}]}, "require[1].when", "is missing"),
        ({"require": [{"when": "free", "weight": 1}]}, "require[0]", "unknown key 'weight'"),
        (
            {"require": [{"when": True}]},
            "require[0].when",
            "must be a string that holds an expression, found a boolean",
        ),
        ({"prefer": [{"when": "free"}]}, "prefer[0].weight", "is missing"),
        (
            {"prefer": [{"when": "free", "weight": "5"}]},
            "prefer[0].weight",
            "must be a number, found a string",
        ),
        (
            {"prefer": [{"when": "free", "weight": True}]},
            "prefer[0].weight",
            "must be a number, found a boolean",
        ),
        ({"prefer": [{"when": "free", "weight": float("nan")}]}, "prefer[0].weight", "must be from -1000000"),
        (
            {"prefer": [{"when": "free", "weight": float("-inf")}]},
            "prefer[0].weight",
            "must be from -1000000",
        ),
        ({"prefer": [{"when": "free", "weight": 10**5000}]}, "prefer[0].weight", "must be from -1000000"),
        ({"require": [{"when": "free"}] * (MAX_CLAUSES + 1)}, "require", "has 33 clauses"),
    ],
)
def test_refuses_a_wrong_shape_and_names_the_clause(raw, clause, message):
    error = refusal(raw)

    assert (error.clause, message in error.message) == (clause, True), error.message


def test_an_expression_error_carries_clause_position_message_and_allowed():
    error = refusal({"prefer": [{"when": "free && name.size() > 1", "weight": 1}]})

    assert error.as_detail() == {
        "clause": "prefer[0].when",
        "position": 13,
        "message": "size is not a method or member here",
        "allowed": ["startsWith", "endsWith", "contains"],
    }


def test_a_condition_that_is_no_bool_is_refused():
    assert refusal({"require": [{"when": "weight"}]}).clause == "require[0].when"


def test_a_requirement_excludes_candidates_for_which_it_is_false():
    definition = requiring("free", "latency_ema_ms < 500")

    assert definition.unmet(FAST, REQUEST) is None
    assert definition.unmet(SLOW, REQUEST) is definition.require[0]


def test_a_requirement_keeps_a_candidate_that_waits_for_its_first_measurement():
    definition = requiring("latency_ema_ms < 500")

    assert definition.unmet(UNMEASURED, REQUEST) is None
    assert definition.unmet(SLOW, REQUEST) is definition.require[0]


@pytest.mark.parametrize(
    ("source", "candidate"),
    [
        ("price_input < 1.0", UNPRICED),
        ("price_input < 1.0 && latency_ema_ms < 500", CandidateFacts()),
        ("1 / request.prompt_tokens < 5 - 9223372036854775807 - 10", FAST),
    ],
    ids=["missing price", "missing price and measurement", "overflow"],
)
def test_a_requirement_excludes_what_no_measurement_will_settle(source, candidate):
    definition = requiring(source)

    assert definition.unmet(candidate, REQUEST) is definition.require[0]


def test_an_unknown_preference_does_not_match():
    definition = parse_definition({"prefer": [{"when": "latency_ema_ms < 500", "weight": 30}]})

    assert definition.matched(FAST, REQUEST) == list(definition.prefer)
    assert definition.matched(UNMEASURED, REQUEST) == []


CONDITIONS = st.sampled_from(
    ["free", "!free", "latency_ema_ms < 500", "price_input > 0.5", "true", "1 / 0 == 1"]
)
WEIGHTS = st.floats(0, 1000)
CLAUSES = st.lists(st.fixed_dictionaries({"when": CONDITIONS, "weight": WEIGHTS}), min_size=1, max_size=6)
CANDIDATES = st.sampled_from([FAST, SLOW, UNMEASURED, UNPRICED])


def matched_weight(clauses, candidate):
    definition = parse_definition({"prefer": clauses})
    return sum(preference.weight for preference in definition.matched(candidate, REQUEST))


@given(CLAUSES, CANDIDATES, st.data(), WEIGHTS)
def test_more_weight_on_a_clause_never_lowers_a_candidate(clauses, candidate, data, more):
    index = data.draw(st.integers(0, len(clauses) - 1))
    heavier = [dict(clause) for clause in clauses]
    heavier[index]["weight"] += more

    assert matched_weight(heavier, candidate) >= matched_weight(clauses, candidate)


@given(CLAUSES, CANDIDATES, CONDITIONS, WEIGHTS)
def test_one_more_preference_never_lowers_a_candidate(clauses, candidate, when, weight):
    longer = [*clauses, {"when": when, "weight": weight}]

    assert matched_weight(longer, candidate) >= matched_weight(clauses, candidate)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["require", "prefer", "when", "weight", "x"]), inner)
        ),
    )
)
def test_any_json_value_is_a_definition_or_refused(raw):
    with contextlib.suppress(DefinitionError):
        parse_definition(raw)


GROQ = CandidateFacts(name="groq", tags=("fast", "cheap"), context_window=131072, vision=False, weight=1.0)
GEMINI = CandidateFacts(name="gemini", tags=("vision",), context_window=1048576, vision=True, weight=1.0)


def test_lint_finds_the_requirement_that_no_provider_can_meet():
    findings = lint_definition(requiring("vision", "context_window > 2000000"), [GROQ, GEMINI])

    assert [error.clause for error in findings.errors] == ["require[1].when"]


def test_lint_finds_requirements_that_no_provider_can_meet_together():
    findings = lint_definition(requiring("vision", '"fast" in tags', "weight > 0"), [GROQ, GEMINI])

    [error] = findings.errors
    assert (error.clause, "those before it" in error.message) == ("require[1].when", True)


def test_lint_takes_what_changes_by_itself_for_unknown():
    busy = CandidateFacts(name="groq", tags=(), in_flight=9, latency_ema_ms=9000.0, requests_today=5)
    definition = requiring("in_flight < 5", "latency_ema_ms < 500", "requests_today == 0", "request.stream")

    assert lint_definition(definition, [busy]).errors == ()


def test_lint_warns_of_tags_that_nobody_carries():
    definition = parse_definition(
        {
            "require": [{"when": 'free || "fsat" in tags'}],
            "prefer": [{"when": '"cheap" in tags', "weight": 1}, {"when": '!("zzz" in tags)', "weight": 1}],
        }
    )

    warnings = lint_definition(definition, [GROQ, GEMINI]).warnings

    assert [(warning.clause, warning.position) for warning in warnings] == [
        ("require[0].when", 8),
        ("prefer[1].when", 2),
    ]
    assert warnings[0].message == "no known provider carries the tag 'fsat'. Did you mean fast?"
    assert warnings[0].allowed == ("cheap", "fast", "vision")


def test_lint_without_providers_finds_nothing():
    findings = lint_definition(requiring("context_window > 99999999", '"x" in tags'), [])

    assert (findings.errors, findings.warnings) == ((), ())
