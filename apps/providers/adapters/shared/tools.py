"""Tools, and what is said about them, in the forms that upstreams take."""

from collections.abc import Callable
from typing import Any

from apps.core.json_types import JSONObject

from .values import as_dict

LEGACY = ("functions", "function_call")
TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
# Places of a JSON Schema that hold one schema, a list of schemas, or schemas by name. What is elsewhere (examples, enums, the names of
# properties) is data, in which a word that is also a keyword means nothing.
ONE = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})


def forget_tools(body: JSONObject) -> None:
    """Without tools, what is said about them is refused by strict upstreams, as is the empty list itself."""
    for name in TOOL_FIELDS:
        body.pop(name, None)


def modernise_functions(body: JSONObject) -> None:
    """Rewrite the legacy `functions` and `function_call` as `tools` and `tool_choice`, unless the body has
    those too."""
    functions = body.pop("functions", None)
    choice = body.pop("function_call", None)
    if isinstance(functions, list) and "tools" not in body:
        body["tools"] = [{"type": "function", "function": function} for function in functions]
        if isinstance(choice, str):
            body["tool_choice"] = choice
        elif isinstance(choice, dict):
            body["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}


def use_allowed_tools(body: JSONObject) -> None:
    """Say OpenAI's `allowed_tools` in words that every upstream knows: send only those tools, and the mode as the choice."""
    choice = body.get("tool_choice")
    if not isinstance(choice, dict) or not isinstance(allowed := choice.get("allowed_tools"), dict):
        return
    names = [_name(tool) for tool in allowed.get("tools") or ()]
    body["tools"] = [tool for tool in body["tools"] if _name(tool) in names]
    body["tool_choice"] = allowed.get("mode", "auto")
    if not body["tools"]:
        forget_tools(body)


def stripped(schema: Any, keys: frozenset[str]) -> Any:
    """`schema` without `keys`, in its subschemas too."""
    if not isinstance(schema, dict):
        return schema
    result = {name: value for name, value in schema.items() if name not in keys}
    return within(result, lambda inner: stripped(inner, keys))


def within(schema: JSONObject, change: Callable[[Any], Any]) -> JSONObject:
    """`schema` itself, with `change` made to the schemas right inside of it."""
    for name, value in schema.items():
        if isinstance(value, dict):
            if name in NAMED:
                schema[name] = {key: change(inner) for key, inner in value.items()}
            elif name in ONE:
                schema[name] = change(value)
        elif isinstance(value, list) and name in MANY:
            schema[name] = [change(item) for item in value]
    return schema


def completed(schema: Any, *, whole: bool) -> JSONObject:
    """The schema of a tool's parameters as an object that says which properties it has: upstreams refuse one that does not. `whole`:
    what is inside too, and of arrays what their items are."""
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        schema = schema | {"type": "object", "properties": as_dict(schema.get("properties"))}
    complete: JSONObject = _whole(schema) if whole else schema
    return complete


def _whole(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    result = dict(schema)
    kinds = schema.get("type")
    if kinds == "array" or (isinstance(kinds, list) and "array" in kinds):
        result.setdefault("items", {})
    elif kinds == "object" or (isinstance(kinds, list) and "object" in kinds):
        result.setdefault("properties", {})
    return within(result, _whole)


def function_of(tool: Any) -> JSONObject:
    """The function of a tool, a call or a choice; {} where it is none."""
    function = tool.get("function") if isinstance(tool, dict) else None
    return function if isinstance(function, dict) else {}


def _name(tool: Any) -> Any:
    """The name of a tool or of a reference to one: {"type": "function", "function": {"name"}}."""
    if not isinstance(tool, dict):
        return None
    kind = tool.get(str(tool.get("type")))
    return kind.get("name") if isinstance(kind, dict) else None
