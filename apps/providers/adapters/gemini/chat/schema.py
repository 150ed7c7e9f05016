"""JSON Schema reduced to the subset that Gemini's `parameters` and `responseSchema` take.

Gemini refuses a whole request for one unknown key, so the result is built from what is known instead of being
cleaned of what is not. Constraints that the subset cannot say are left out: the result may allow more than the
original. Source: the Schema message of the Gemini API reference, 2026-08.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import orjson

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.shared.values import as_dict, as_list

Schema = JSONObject
Refs = tuple[str, ...]

# A recursive schema is unrolled this often. What is nested deeper than any real schema keeps only its type.
MAX_REPEATS = 2
MAX_DEPTH = 24
# References can make a small document enormous.
MAX_NODES = 2000
MAX_COUNT = 2**31

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})
FORMATS = {
    "string": frozenset({"date-time"}),
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
COUNTS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
BOUNDS = ("minimum", "maximum")
NUMBERS = ("number", "integer")
# What describes the node itself and is not repeated in each of its alternatives.
LABELS = ("title", "description", "default", "example")
# Keywords that only one type has, for schemas that do not state it.
HINTS = (
    (("properties", "required", "additionalProperties", "patternProperties"), "object"),
    (("items", "prefixItems", "minItems", "maxItems"), "array"),
    (("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
)


class SchemaTooLargeError(ValueError):
    """The schema unfolds to more than `MAX_NODES` nodes."""


def reduce_schema(schema: Any) -> Schema:
    """The reduced form of `schema`, which stays as it is. Raises SchemaTooLargeError."""
    return _Reducer(schema).reduce(schema)


def reduce_parameters(schema: Any) -> Schema | None:
    """A function's parameters: an object, or None where there are none, since older models refuse an object
    without properties.

    Alternatives at the top, which Gemini does not take there, become one object with the properties of all.
    Raises SchemaTooLargeError.
    """
    reduced = reduce_schema(schema)
    if "anyOf" in reduced:
        reduced = _joined(reduced["anyOf"])
    return reduced if reduced.get("properties") else None


class _Reducer:
    """Reduces one document; its root is where references point into."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._nodes = 0

    def reduce(self, schema: Any, depth: int = 0, refs: Refs = ()) -> Schema:
        """`refs`: the references that led here, to bound recursive schemas."""
        node, refs = self._resolve(as_dict(schema), depth, refs)
        node, alternatives = _split_alternatives(node)
        if depth >= MAX_DEPTH:
            return self._plain({"type": _type_of(node)}, depth, refs)
        if alternatives:
            return self._choice(node, alternatives, depth + 1, refs)
        return self._plain(node, depth + 1, refs)

    def _resolve(self, node: Schema, depth: int, refs: Refs) -> tuple[Schema, Refs]:
        """`node` with its $ref and allOf merged into it."""
        self._count()
        while "$ref" in node:
            self._count()
            pointer = str(node["$ref"])
            target = self._target(pointer)
            if refs.count(pointer) >= MAX_REPEATS:
                target = {"type": _type_of(target)}
            refs = (*refs, pointer)
            node = _merged(target, {key: value for key, value in node.items() if key != "$ref"})
        if "allOf" in node:
            parts = as_list(node["allOf"]) if depth < MAX_DEPTH else []
            node = {key: value for key, value in node.items() if key != "allOf"}
            followed: dict[str, None] = {}
            for part in parts:
                resolved, path = self._resolve(as_dict(part), depth + 1, refs)
                followed |= dict.fromkeys(path[len(refs) :])
                node = _merged(resolved, node)
            refs = (*refs, *followed)
        return node, refs

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise SchemaTooLargeError(f"the schema unfolds to more than {MAX_NODES} nodes")

    def _target(self, pointer: str) -> Schema:
        """What a local reference (RFC 6901) points at; an empty schema for what is elsewhere or missing."""
        path, *steps = pointer.split("/")
        target = self._root if path == "#" else None
        for step in steps:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(target, list):
                target = target[int(key)] if key.isdecimal() and int(key) < len(target) else None
            else:
                target = as_dict(target).get(key)
        return as_dict(target)

    def _choice(self, node: Schema, alternatives: list[Schema], depth: int, refs: Refs) -> Schema:
        """One of several: what the node says itself holds for each, since Gemini takes no constraints beside anyOf."""
        common = {key: value for key, value in node.items() if key not in LABELS and key != "nullable"}
        reduced: list[Schema] = []
        for alternative in alternatives:
            option = self.reduce(_merged(common, alternative), depth, refs)
            if option not in reduced:
                reduced.append(option)
        labels = _labels(node)
        if node.get("nullable") is True:
            labels["nullable"] = True
        return reduced[0] | labels if len(reduced) == 1 else labels | {"anyOf": reduced}

    def _plain(self, node: Schema, depth: int, refs: Refs) -> Schema:
        kind = _type_of(node)
        reduced: Schema = {"type": kind.upper()} | _labels(node) | _constraints(node, kind)
        values = _allowed_values(node)
        if node.get("nullable") is True or node.get("type") == "null" or (values and None in values):
            reduced["nullable"] = True
        _add_values(reduced, [value for value in values if value is not None])
        if kind == "array":
            reduced["items"] = self._items(node, depth, refs)
        elif kind == "object":
            reduced |= self._properties(node, depth, refs)
        return reduced

    def _items(self, node: Schema, depth: int, refs: Refs) -> Schema:
        """Gemini requires items. Those of a tuple are any of its."""
        items = node.get("prefixItems") or node.get("items")
        return self.reduce({"anyOf": items} if isinstance(items, list) else items, depth, refs)

    def _properties(self, node: Schema, depth: int, refs: Refs) -> Schema:
        """properties, required, and their order, which models follow and JSON objects do not promise."""
        given = {str(name): schema for name, schema in as_dict(node.get("properties")).items() if name}
        if not given:
            return {}
        reduced: Schema = {
            "properties": {name: self.reduce(schema, depth, refs) for name, schema in given.items()}
        }
        required = [name for name in as_list(node.get("required")) if isinstance(name, str) and name in given]
        if required:
            reduced["required"] = list(dict.fromkeys(required))
        if len(given) > 1:
            reduced["propertyOrdering"] = list(given)
        return reduced


def _split_alternatives(node: Schema) -> tuple[Schema, list[Schema]]:
    """(what holds for all, the alternatives) of anyOf, oneOf and lists of types. Null is no alternative but makes
    the node nullable; a single alternative is merged into the node."""
    alternatives = [as_dict(item) for key in ("anyOf", "oneOf") for item in as_list(node.get(key))]
    common = {key: value for key, value in node.items() if key not in ("anyOf", "oneOf")}
    if isinstance(kinds := common.get("type"), list):
        del common["type"]
        kinds = [{"type": kind} for kind in kinds if isinstance(kind, str)]
        alternatives = [_merged(kind, item) for kind in kinds for item in alternatives] or kinds
    kept = [item for item in alternatives if not _is_null(item)]
    if len(kept) < len(alternatives):
        common["nullable"] = True
    if len(kept) == 1 and not {"$ref", "allOf", "anyOf", "oneOf"} & kept[0].keys():
        merged = _merged(common, kept[0])
        return (merged, []) if not isinstance(merged.get("type"), list) else _split_alternatives(merged)
    return common, kept


def _is_null(schema: Schema) -> bool:
    if "const" in schema:
        return schema["const"] is None
    return schema.get("type") in ("null", ["null"]) or schema.get("enum") == [None]


def _merged(base: Schema, more: Schema) -> Schema:
    """Both schemas at once; where only one of two values can hold, that of `more`."""
    merged = base | more
    for key in ("properties", "required", "enum"):
        if key in base and key in more:
            merged[key] = MERGERS[key](base[key], more[key])
    return merged


def _merge_properties(base: Any, more: Any) -> Schema:
    base, more = as_dict(base), as_dict(more)
    shared = {name: {"allOf": [base[name], more[name]]} for name in base.keys() & more.keys()}
    return {name: shared.get(name, schema) for name, schema in (base | more).items()}


def _merge_required(base: Any, more: Any) -> JSONArray:
    return [*as_list(base), *as_list(more)]


def _merge_enum(base: Any, more: Any) -> JSONArray:
    base, more = as_list(base), as_list(more)
    return [value for value in more if value in base] or more


MERGERS: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _merge_properties,
    "required": _merge_required,
    "enum": _merge_enum,
}


def _type_of(node: Schema) -> str:
    """The node's type in lower case: stated, or told by its values or keywords; a string where nothing tells it."""
    values = [value for value in _allowed_values(node) if value is not None]
    if values:
        return _type_of_values(values)
    stated = str(node.get("type", "")).lower()
    if stated in TYPES:
        return stated
    return next((kind for keys, kind in HINTS if any(key in node for key in keys)), "string")


def _type_of_values(values: JSONArray) -> str:
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(value, int) for value in values):
        return "integer"
    return "number" if all(isinstance(value, int | float) for value in values) else "string"


def _allowed_values(node: Schema) -> JSONArray:
    return [node["const"]] if "const" in node else as_list(node.get("enum"))


def _add_values(reduced: Schema, values: JSONArray) -> None:
    """An enum, which can hold strings only, none of them empty; other values are told in the description."""
    if not values:
        return
    if all(isinstance(value, str) for value in values):
        if strings := list(dict.fromkeys(value for value in values if value)):
            reduced["enum"] = strings
        return
    listed = "One of: " + ", ".join(orjson.dumps(value).decode() for value in values)
    reduced["description"] = f"{reduced['description']} {listed}" if "description" in reduced else listed


def _labels(node: Schema) -> Schema:
    labels = {key: node[key] for key in ("title", "description") if isinstance(node.get(key), str)}
    return labels | {key: node[key] for key in ("default", "example") if node.get(key) is not None}


def _constraints(node: Schema, kind: str) -> Schema:
    """The constraints that the subset has for this type."""
    counts = {key: node[key] for key in COUNTS.get(kind, ()) if _is_number(node.get(key))}
    kept: Schema = {key: int(value) for key, value in counts.items() if 0 <= value < MAX_COUNT}
    if kind in NUMBERS:
        kept |= {key: node[key] for key in BOUNDS if _is_number(node.get(key))}
    if kind == "string" and isinstance(node.get("pattern"), str):
        kept["pattern"] = node["pattern"]
    if node.get("format") in FORMATS.get(kind, ()):
        kept["format"] = node["format"]
    return kept


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joined(alternatives: list[Schema]) -> Schema:
    """One object with the properties of all alternatives that are objects; what all require stays required."""
    objects = [option for option in alternatives if option.get("properties")]
    properties: Schema = {}
    for option in objects:
        properties |= option["properties"]
    joined: Schema = {"type": "OBJECT", "properties": properties}
    required = [name for name in properties if all(name in option.get("required", ()) for option in objects)]
    return joined | {"required": required} if required else joined
