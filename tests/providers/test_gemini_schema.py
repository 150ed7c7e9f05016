"""JSON Schemas are reduced to what Gemini documents, and keep their meaning as far as that goes."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.gemini.chat.schema import (
    MAX_DEPTH,
    SchemaTooLargeError,
    reduce_parameters,
    reduce_schema,
)
from fakes.upstreams.gemini_schema import check_schema

DOCUMENTED = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "minItems",
        "maxItems",
        "properties",
        "required",
        "propertyOrdering",
        "anyOf",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "default",
        "example",
        "minProperties",
        "maxProperties",
    ]
)


def nodes(schema: dict[str, Any]):
    """Every schema in a reduced one, itself included."""
    yield schema
    children = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    for child in [*children, *([schema["items"]] if "items" in schema else [])]:
        yield from nodes(child)


@pytest.mark.parametrize(
    ("schema", "reduced"),
    [
        ({"type": "string", "$comment": "x", "x-order": 1}, {"type": "STRING"}),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        (
            {"type": ["string", "integer"], "description": "Id"},
            {"description": "Id", "anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
        ),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
        ({"enum": ["a", "", None, "a"]}, {"type": "STRING", "nullable": True, "enum": ["a"]}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "One of: 1, 2"}),
        ({"const": True, "description": "On."}, {"type": "BOOLEAN", "description": "On. One of: true"}),
        ({"type": "null"}, {"type": "STRING", "nullable": True}),
        (
            {"oneOf": [{"type": "string"}, {"type": "null"}], "description": "Name"},
            {"type": "STRING", "description": "Name", "nullable": True},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "number", "exclusiveMinimum": 0}]},
            {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]},
        ),
        ({"type": "string", "format": "email"}, {"type": "STRING"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "integer", "minimum": 1, "minLength": 2}, {"type": "INTEGER", "minimum": 1}),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "uniqueItems": True},
            {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}},
        ),
        ({"items": {"type": "number"}}, {"type": "ARRAY", "items": {"type": "NUMBER"}}),
        ({}, {"type": "STRING"}),
        (True, {"type": "STRING"}),
    ],
)
def test_reduces_one_keyword(schema, reduced):
    assert reduce_schema(schema) == reduced


def test_object_keeps_the_order_and_only_the_known_required_properties():
    schema = {
        "type": "object",
        "properties": {"why": {"type": "string"}, "answer": {"type": "integer"}},
        "required": ["answer", "gone"],
        "additionalProperties": False,
    }

    assert reduce_schema(schema) == {
        "type": "OBJECT",
        "properties": {"why": {"type": "STRING"}, "answer": {"type": "INTEGER"}},
        "required": ["answer"],
        "propertyOrdering": ["why", "answer"],
    }


def test_references_are_put_in_place_with_their_siblings():
    schema = {
        "type": "object",
        "properties": {"home": {"$ref": "#/$defs/a~1b", "description": "Where"}},
        "$defs": {"a/b": {"type": "string", "description": "Any place"}},
    }

    assert reduce_schema(schema)["properties"]["home"] == {"type": "STRING", "description": "Where"}


def test_recursive_schema_ends():
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    }

    reduced = reduce_schema(schema)

    assert reduced["properties"]["next"]["properties"]["next"] == {"type": "OBJECT"}


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"$ref": "https://example.test/s.json"}, {"$ref": "#/no/0"}]
)
def test_reference_to_nothing_is_a_string(schema):
    assert reduce_schema(schema) == {"type": "STRING"}


def test_all_of_is_merged():
    schema = {
        "allOf": [
            {"properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string"}, "a": {"minLength": 1}}, "required": ["b"]},
        ]
    }

    reduced = reduce_schema(schema)

    assert reduced["properties"] == {"a": {"type": "STRING", "minLength": 1}, "b": {"type": "STRING"}}
    assert sorted(reduced["required"]) == ["a", "b"]


def test_what_holds_beside_alternatives_holds_in_each():
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
        "anyOf": [{"required": ["id"]}, {"required": ["name"]}],
    }

    reduced = reduce_schema(schema)

    assert list(reduced) == ["anyOf"]
    assert [option["required"] for option in reduced["anyOf"]] == [["id"], ["name"]]
    assert all(set(option["properties"]) == {"id", "name"} for option in reduced["anyOf"])


def test_parameters_with_alternatives_become_one_object():
    schema = {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "x": {}}, "required": ["kind", "x"]},
            {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        ]
    }

    reduced = reduce_parameters(schema)

    assert reduced is not None
    assert reduced["type"] == "OBJECT"
    assert set(reduced["properties"]) == {"kind", "x"}
    assert reduced["required"] == ["kind"]


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_function_without_parameters_declares_none(schema):
    assert reduce_parameters(schema) is None


def test_schema_that_unfolds_without_end_is_refused():
    laughs = {
        f"l{level}": {
            "type": "object",
            "properties": {str(at): {"$ref": f"#/$defs/l{level + 1}"} for at in range(10)},
        }
        for level in range(9)
    }

    with pytest.raises(SchemaTooLargeError):
        reduce_schema({"$ref": "#/$defs/l0", "$defs": laughs})
    with pytest.raises(SchemaTooLargeError):
        reduce_schema(
            {
                "$ref": "#/$defs/l0",
                "$defs": {
                    f"l{level}": {"allOf": [{"$ref": f"#/$defs/l{level + 1}"}] * 10} for level in range(9)
                },
            }
        )


@pytest.mark.parametrize("keyword", ["items", "allOf", "anyOf", "properties", "type"])
def test_deep_nesting_is_cut_and_not_fatal(keyword):
    schema: Any = {"type": "array"}
    for _ in range(900):
        wrapped = {"items": schema, "properties": {"x": schema}, "type": [schema]}
        schema = {keyword: wrapped.get(keyword, [schema])}

    reduced = reduce_schema(schema)

    depth = 0
    while inner := reduced.get("items") or reduced.get("properties", {}).get("x"):
        reduced, depth = inner, depth + 1
    assert depth <= MAX_DEPTH + 1


NAMES = st.sampled_from(["a", "b", "", "naïve name"])
TYPES = st.sampled_from(
    ["string", "integer", "number", "boolean", "array", "object", "null", "any", "STRING"]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text(max_size=3))
REFERENCES = st.sampled_from(["#", "#/$defs/x", "#/$defs/y", "#/properties/a", "#/anyOf/0", "other.json"])


def keywords(inner):
    lists = st.lists(inner, max_size=3)
    known = {
        "type": TYPES | st.lists(TYPES, max_size=3) | LEAVES,
        "enum": st.lists(LEAVES, max_size=3),
        "const": LEAVES,
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, max_size=3),
        "items": inner | lists,
        "prefixItems": lists,
        "anyOf": lists,
        "oneOf": lists,
        "allOf": lists,
        "not": inner,
        "if": inner,
        "$ref": REFERENCES,
        "$defs": st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2),
        "additionalProperties": inner | st.booleans(),
        "format": st.sampled_from(["date-time", "email", "int32", "float"]),
        "minimum": LEAVES,
        "minLength": LEAVES,
        "maxItems": LEAVES,
        "pattern": LEAVES,
        "description": LEAVES,
        "default": LEAVES,
        "nullable": LEAVES,
        "multipleOf": st.just(2),
        "x-vendor": LEAVES,
    }
    return st.fixed_dictionaries({}, optional=known)


SCHEMAS = st.recursive(LEAVES | st.just({"type": "string"}), keywords, max_leaves=12)


@given(schema=SCHEMAS)
def test_any_schema_becomes_one_that_has_documented_keys_only(schema):
    before = copy.deepcopy(schema)

    try:
        reduced = reduce_schema(schema)
    except SchemaTooLargeError:
        return

    check_schema(reduced, "parameters")
    for node in nodes(reduced):
        assert node.keys() <= DOCUMENTED
        assert ("type" in node) != ("anyOf" in node)
        assert ("items" in node) == (node.get("type") == "ARRAY")
        assert set(node.get("required", [])) <= set(node.get("properties", {}))
    assert schema == before
