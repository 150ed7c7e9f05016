"""Tools and the choice among them as an upstream takes them. Nothing here changes what it is given."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.tools import completed, function_of, stripped
from apps.providers.types import Preset

TOOL_KEYS = frozenset({"type", "function"})
FUNCTION_KEYS = frozenset({"name", "description", "parameters", "strict"})


class ToolFitter:
    """The quirks of one preset that are about tools, compiled once."""

    def __init__(self, preset: Preset) -> None:
        self._exact = preset.exact
        self._drops = preset.schema_drops
        self._whole = preset.whole_schemas

    def fit(self, tools: JSONArray, fit_name: Naming) -> JSONArray:
        """The tools. Raises UpstreamError(CLIENT_ERROR, candidate_only=True) for those that this upstream does not have."""
        return [self._tool(tool, fit_name, position) for position, tool in enumerate(tools)]

    def choice(self, choice: Any, fit_name: Naming) -> Any:
        """`tool_choice`, with the name that the tool has upstream."""
        function = function_of(choice)
        if not function:
            return choice
        named = {"name": fit_name(str(function.get("name", "")))}
        return {"type": "function", "function": named if self._exact else function | named}

    def _tool(self, tool: Any, fit_name: Naming, position: int) -> Any:
        function = function_of(tool)
        if not function:
            if self._exact:
                kind = str(tool.get("type"))[:40] if isinstance(tool, dict) else "none"
                raise cannot_say(f"this provider takes no tools of type {kind!r}", f"tools[{position}]")
            return tool
        if self._is_fit(tool, function, fit_name):
            return tool
        fitted: JSONObject = {
            key: value
            for key, value in function.items()
            if value is not None and (not self._exact or key in FUNCTION_KEYS)
        }
        fitted["name"] = fit_name(str(function.get("name", "")))
        parameters = function.get("parameters")
        if self._drops:
            parameters = stripped(parameters, self._drops)
        if (
            parameters != {} or self._exact or self._whole
        ):  # the empty schema is one too, for who knows OpenAI's dialect loosely
            fitted["parameters"] = completed(parameters, whole=self._whole)
        if self._exact:
            return {"type": "function", "function": fitted}
        return {key: value for key, value in tool.items() if value is not None} | {"function": fitted}

    def _is_fit(self, tool: JSONObject, function: JSONObject, fit_name: Naming) -> bool:
        """The common case, told cheaply: agents send dozens of tools with every request, and there is nothing wrong with them."""
        parameters, name = function.get("parameters"), function.get("name")
        return (
            not (self._whole or self._drops)
            and isinstance(parameters, dict)
            and parameters.get("type") == "object"
            and isinstance(parameters.get("properties"), dict)
            and isinstance(name, str)
            and fit_name(name) == name
            and None not in function.values()
            and (not self._exact or (tool.keys() == TOOL_KEYS and function.keys() <= FUNCTION_KEYS))
        )
