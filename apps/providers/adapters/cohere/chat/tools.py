"""Tools and tool_choice in Cohere's words."""

import re
from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.tools import stripped
from apps.providers.adapters.shared.values import as_dict, as_text

Tool = JSONObject

TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CHOICES = {"none": "NONE", "required": "REQUIRED"}
NO_PARAMETERS = {"type": "object", "properties": {}}
UNKNOWN_KEYWORDS = frozenset({"$schema", "additionalProperties"})


def cohere_tools(tools: JSONArray) -> list[Tool]:
    """OpenAI's tools without the keys that only OpenAI knows.

    Raises UpstreamError(REFUSED) for tools that are no functions and for names that
    Cohere does not take.
    """
    return [_tool(as_dict(tool), f"tools[{position}]") for position, tool in enumerate(tools)]


def choose(tools: list[Tool], choice: Any) -> tuple[list[Tool], str | None]:
    """(the tools to send, Cohere's tool_choice or None for its default, auto). Cohere cannot name a tool: a named
    one is declared alone, and required."""
    if isinstance(choice, str):
        return tools, CHOICES.get(choice)
    if name := _name_of(as_dict(choice)):
        return [tool for tool in tools if _name_of(tool) == name], "REQUIRED"
    return tools, None


def fit_schema(schema: JSONObject) -> Any:
    """A JSON Schema without the keywords that Cohere does not have."""
    return stripped(schema, UNKNOWN_KEYWORDS)


def _name_of(tool: JSONObject) -> str:
    return as_text(as_dict(tool.get("function")).get("name"))


def _tool(tool: JSONObject, where: str) -> Tool:
    function = tool.get("function")
    if not isinstance(function, dict):
        raise cannot_say(f"Cohere takes no tools of type {str(tool.get('type'))[:40]!r}", where)
    name = as_text(function.get("name"))
    if TOOL_NAME.fullmatch(name) is None:
        raise cannot_say("Cohere takes no function of this name", f"{where}.function.name")
    fitted = {"name": name, "parameters": fit_schema(as_dict(function.get("parameters")) or NO_PARAMETERS)}
    if description := as_text(function.get("description")):
        fitted["description"] = description
    return {"type": "function", "function": fitted}
