"""Tools and tool_choice in Cohere's words."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.tools import completed, stripped
from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.wires import ToolNames

Tool = JSONObject

NAMES = ToolNames(marks="", digit_first=False)
CHOICES = {"none": "NONE", "required": "REQUIRED"}
UNKNOWN_KEYWORDS = frozenset({"$schema", "additionalProperties"})


def cohere_tools(tools: JSONArray, fit_name: Naming) -> list[Tool]:
    """OpenAI's tools without the keys that only OpenAI knows.

    Raises UpstreamError(REFUSED) for tools that are no functions.
    """
    return [_tool(as_dict(tool), fit_name, f"tools[{position}]") for position, tool in enumerate(tools)]


def choose(tools: list[Tool], choice: Any, fit_name: Naming) -> tuple[list[Tool], str | None]:
    """(the tools to send, Cohere's tool_choice or None for its default, auto). Cohere cannot name a tool: a named
    one is declared alone, and required."""
    if isinstance(choice, str):
        return tools, CHOICES.get(choice)
    if name := _name_of(as_dict(choice)):
        return [tool for tool in tools if _name_of(tool) == fit_name(name)], "REQUIRED"
    return tools, None


def fit_schema(schema: JSONObject) -> Any:
    """A JSON Schema without the keywords that Cohere does not have."""
    return stripped(schema, UNKNOWN_KEYWORDS)


def _name_of(tool: JSONObject) -> str:
    return as_text(as_dict(tool.get("function")).get("name"))


def _tool(tool: JSONObject, fit_name: Naming, where: str) -> Tool:
    function = tool.get("function")
    if not isinstance(function, dict):
        raise cannot_say(f"Cohere takes no tools of type {str(tool.get('type'))[:40]!r}", where)
    parameters = completed(function.get("parameters"), whole=False)
    fitted = {"name": fit_name(as_text(function.get("name"))), "parameters": fit_schema(parameters)}
    if description := as_text(function.get("description")):
        fitted["description"] = description
    return {"type": "function", "function": fitted}
