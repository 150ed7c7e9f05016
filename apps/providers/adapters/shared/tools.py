"""Tools, and what is said about them, in the forms that upstreams take."""

from collections.abc import Iterable
from typing import Any

from apps.core.json_types import JSONArray, JSONObject

LEGACY = ("functions", "function_call")
TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
# Places of a JSON Schema that hold one schema, a list of schemas, or schemas by name. What is elsewhere (examples, enums, the names of
# properties) is data, in which a word that is also a keyword means nothing.
ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
MANY = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
NAMED = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")


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


def stripped_tools(tools: Iterable[Any], keys: frozenset[str]) -> JSONArray:
    """The tools with `keys` taken out of their parameters' schemas; what is given stays as it is."""
    return [_stripped_tool(tool, keys) for tool in tools]


def _stripped_tool(tool: Any, keys: frozenset[str]) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or "parameters" not in function:
        return tool
    return tool | {"function": function | {"parameters": stripped(function["parameters"], keys)}}


def stripped(schema: Any, keys: frozenset[str]) -> Any:
    """`schema` without `keys`, in its subschemas too."""
    if not isinstance(schema, dict):
        return schema
    result = {name: value for name, value in schema.items() if name not in keys}
    for name in ONE:
        if isinstance(result.get(name), dict):
            result[name] = stripped(result[name], keys)
    for name in MANY:
        if isinstance(result.get(name), list):
            result[name] = [stripped(item, keys) for item in result[name]]
    for name in NAMED:
        if isinstance(result.get(name), dict):
            result[name] = {key: stripped(value, keys) for key, value in result[name].items()}
    return result


def _name(tool: Any) -> Any:
    """The name of a tool or of a reference to one: {"type": "function", "function": {"name"}}."""
    if not isinstance(tool, dict):
        return None
    kind = tool.get(str(tool.get("type")))
    return kind.get("name") if isinstance(kind, dict) else None
