"""docs/STRATEGY_DSL.md does what it says: its tables, its errors and its examples are executed."""

import json
import re

import msgspec
import pytest

from apps.strategies.definition import MAX_CLAUSES, MAX_WEIGHT, DefinitionError, parse_definition
from apps.strategies.expression import (
    FIELDS,
    CandidateFacts,
    ExpressionError,
    RequestFacts,
    compile_expression,
)
from apps.strategies.expression.checker import MAX_HEIGHT
from apps.strategies.expression.lexer import MAX_SOURCE_LENGTH
from apps.strategies.expression.parser import MAX_NESTING, MAX_NODES
from tests.documents import Document, rows

DOCUMENT = Document("STRATEGY_DSL.md")


def json_block(text):
    """The first JSON block of a section, decoded."""
    return json.loads(text.split("```json\n")[1].split("```")[0])


def examples():
    titles = re.findall(r"^### (\d+\. .*)$", DOCUMENT.text, re.MULTILINE)
    for title in titles:
        text = DOCUMENT.section(title)
        definition = json_block(text)
        for number, (candidate, request, outcome) in enumerate(rows(text)):
            yield pytest.param(
                definition, candidate.strip("`"), request.strip("`"), outcome, id=f"{title} [{number}]"
            )


def test_there_are_ten_examples():
    assert len(re.findall(r"^### \d+\. ", DOCUMENT.text, re.MULTILINE)) == 10


@pytest.mark.parametrize(("definition", "candidate", "request_facts", "outcome"), list(examples()))
def test_example_does_what_its_table_says(definition, candidate, request_facts, outcome):
    parsed = parse_definition(definition)
    facts = (
        msgspec.json.decode(candidate, type=CandidateFacts),
        msgspec.json.decode(request_facts, type=RequestFacts),
    )

    excluded_by = parsed.unmet(*facts)
    added = sum(preference.weight for preference in parsed.matched(*facts))

    assert outcome == (f"excluded by {excluded_by.path}" if excluded_by else f"adds {added:g}")


@pytest.mark.parametrize("of_request", [False, True])
def test_field_tables_are_the_schema(of_request):
    title = "Fields of the request" if of_request else "Fields of a candidate"
    schema = [
        [
            f"`{field.name}`",
            str(field.type),
            field.unit,
            field.source.value,
            "yes" if field.may_be_missing else "no",
            field.meaning,
        ]
        for field in FIELDS.values()
        if field.of_request is of_request
    ]

    assert DOCUMENT.rows(title) == schema


@pytest.mark.parametrize(("source", "position", "message"), DOCUMENT.rows("Errors"))
def test_error_table_is_what_the_compiler_says(source, position, message):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source.strip("`"))

    assert [str(caught.value.position), caught.value.message] == [position, message]


def test_error_example_is_what_a_definition_says():
    example = json_block(DOCUMENT.section("Errors"))

    with pytest.raises(DefinitionError) as caught:
        parse_definition({"prefer": [{"when": "latncy_ema_ms < 500", "weight": 1}]})

    detail = caught.value.as_detail()
    assert detail | {"allowed": [*detail["allowed"][:3], "..."]} == example


def test_definition_example_is_valid():
    example = json_block(DOCUMENT.section("Definitions"))

    assert parse_definition(example).raw == example


def test_limits_are_those_of_the_code():
    limits = [int(row[1]) for row in DOCUMENT.rows("Limits")]

    assert limits == [MAX_SOURCE_LENGTH, MAX_NODES, MAX_NESTING, MAX_HEIGHT, MAX_CLAUSES]
    assert f"from -{MAX_WEIGHT:.0f} to {MAX_WEIGHT:.0f};" in DOCUMENT.section("Definitions")


def test_literal_table_is_accepted():
    for row in DOCUMENT.rows("Grammar"):
        for literal in re.findall(r"`([^`]+)`", row[1]):
            assert (
                compile_expression(f"{literal} == {literal}").evaluate(CandidateFacts(), RequestFacts())
                is True
            )
