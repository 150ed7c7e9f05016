"""The Schema message of Google's API -> JSON Schema: types in small letters, `nullable` as a type, counts as numbers."""

from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.gemini.wire.spelling import camel

NESTED: Final = frozenset({"items", "additionalProperties"})
ALTERNATIVES: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
NAMED: Final = frozenset({"properties", "$defs", "defs"})
COUNTS: Final = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
LEFT_OUT: Final = frozenset({"propertyOrdering", "nullable"})
UNSPECIFIED: Final = "type_unspecified"
OBJECT: Final[JSONObject] = {"type": "object", "properties": {}}


def json_schema(schema: Any) -> Any:
    """As deep as the schema is, which is bounded. What is no schema stays as it is."""
    if not isinstance(schema, dict):
        return schema
    told = {camel(name): value for name, value in schema.items()}
    made = {name: _keyword(name, value) for name, value in told.items() if name not in LEFT_OUT}
    kind = made.pop("type", None)
    if kind is not None and kind != UNSPECIFIED:
        made = {"type": [kind, "null"] if told.get("nullable") is True and kind != "null" else kind, **made}
    return made


def _keyword(name: str, value: Any) -> Any:
    if name == "type":
        return _type(value)
    if name in NESTED:
        return json_schema(value)
    if name in ALTERNATIVES and isinstance(value, list):
        return [json_schema(each) for each in value]
    if name in NAMED and isinstance(value, dict):
        return {key: json_schema(each) for key, each in value.items()}
    if name in COUNTS and isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    return value


def _type(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [_type(each) for each in value]
    return value
