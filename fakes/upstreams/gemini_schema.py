"""The subset of JSON Schema that Gemini's `parameters` and `responseSchema` take."""

from __future__ import annotations

from typing import Any

from fakes.faults import Refused

from .base import invalid, names

_ALLOWED = names(
    "type format title description nullable enum items minItems maxItems properties required "
    "propertyOrdering anyOf"
    " minimum maximum minLength maxLength pattern default example minProperties maxProperties"
)
_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})


def unknown_name(name: str, where: str, reason: str = "Cannot find field.") -> Refused:
    """The refusal of a key that the message type does not have. `where` is empty at the top level."""
    place = f" at '{where}'" if where else ""
    return invalid(f'Invalid JSON payload received. Unknown name "{name}"{place}: {reason}')


def check_schema(schema: Any, where: str) -> None:
    """Raises Refused for a key or a value that the subset does not have, at any depth."""
    if not isinstance(schema, dict):
        raise invalid(
            f"Invalid value at '{where}' (type.googleapis.com/google.ai.generativelanguage.v1beta.Schema)"
        )
    for name in schema:
        if name not in _ALLOWED:
            raise unknown_name(name, where)
    _check_type(schema.get("type"), where)
    if not all(isinstance(value, str) for value in schema.get("enum") or ()):
        raise invalid(f"Invalid value at '{where}.enum' (TYPE_STRING)")
    for position, (name, inner) in enumerate((schema.get("properties") or {}).items()):
        check_schema(inner, f"{where}.properties[{position}].value")
        if name == "":
            raise invalid(f"* {where}.properties: should be non-empty names")
    if "items" in schema:
        check_schema(schema["items"], f"{where}.items")
    for position, inner in enumerate(schema.get("anyOf") or ()):
        check_schema(inner, f"{where}.any_of[{position}]")


def _check_type(kind: Any, where: str) -> None:
    if isinstance(kind, list):
        raise unknown_name("type", where, "Proto field is not repeating, cannot start list.")
    if kind is not None and str(kind).upper() not in _TYPES:
        raise invalid(f"Invalid value at '{where}.type' (Type), \"{kind}\"")
