"""Tools and tool_choice as function declarations and their calling mode."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.values import as_dict, as_list, as_text
from apps.providers.wires import ToolNames

from .schema import Schema, SchemaTooLargeError, reduce_parameters

NAMES = ToolNames(marks="-.:", digit_first=False)
MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def declarations(tools: JSONArray, fit_name: Naming) -> list[Schema]:
    """Function declarations of OpenAI's tools.

    Raises UpstreamError(REFUSED) for tools that are no functions, and for schemas that Gemini does not take.
    """
    return [
        _declaration(as_dict(tool), fit_name, f"tools[{position}]") for position, tool in enumerate(tools)
    ]


def _declaration(tool: JSONObject, fit_name: Naming, where: str) -> Schema:
    function = tool.get("function")
    if not isinstance(function, dict):
        raise cannot_say(f"Gemini takes no tools of type {str(tool.get('type'))[:40]!r}", where)
    declaration: Schema = {"name": fit_name(as_text(function.get("name")))}
    if description := as_text(function.get("description")):
        declaration["description"] = description
    try:
        parameters = reduce_parameters(function.get("parameters"))
    except SchemaTooLargeError as exc:
        raise cannot_say(str(exc), f"{where}.function.parameters") from exc
    return declaration if parameters is None else declaration | {"parameters": parameters}


def choose(declared: list[Schema], choice: Any, fit_name: Naming) -> tuple[list[Schema], JSONObject | None]:
    """(the declarations to send, functionCallingConfig or None for Gemini's default, auto).

    `allowed_tools` is sent by declaring only those: in mode AUTO Gemini takes no list of allowed names.
    """
    if isinstance(choice, str):
        return declared, None if choice == "auto" or choice not in MODES else {"mode": MODES[choice]}
    choice = as_dict(choice)
    if choice.get("type") == "allowed_tools":
        allowed = as_dict(choice.get("allowed_tools"))
        names = {_name_of(as_dict(tool), fit_name) for tool in as_list(allowed.get("tools"))}
        kept = [declaration for declaration in declared if declaration["name"] in names]
        return choose(kept, as_text(allowed.get("mode")), fit_name)
    if name := _name_of(choice, fit_name):
        return declared, {"mode": "ANY", "allowedFunctionNames": [name]}
    return declared, None


def _name_of(tool: JSONObject, fit_name: Naming) -> str:
    """The name, as it is sent, of a tool or of a reference to one."""
    name = as_text(as_dict(tool.get("function")).get("name"))
    return fit_name(name) if name else name
