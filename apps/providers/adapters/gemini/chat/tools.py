"""Tools and tool_choice as function declarations and their calling mode."""

import re
from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.values import as_dict, as_list, as_text

from .schema import Schema, SchemaTooLargeError, reduce_parameters

FUNCTION_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def declarations(tools: JSONArray) -> list[Schema]:
    """Function declarations of OpenAI's tools.

    Raises UpstreamError(REFUSED) for tools that are no functions, and for names and
    schemas that Gemini does not take.
    """
    return [_declaration(as_dict(tool), f"tools[{position}]") for position, tool in enumerate(tools)]


def _declaration(tool: JSONObject, where: str) -> Schema:
    function = tool.get("function")
    if not isinstance(function, dict):
        raise cannot_say(f"Gemini takes no tools of type {str(tool.get('type'))[:40]!r}", where)
    name = as_text(function.get("name"))
    if FUNCTION_NAME.fullmatch(name) is None:
        raise cannot_say("Gemini takes no function of this name", f"{where}.function.name")
    declaration: Schema = {"name": name}
    if description := as_text(function.get("description")):
        declaration["description"] = description
    try:
        parameters = reduce_parameters(function.get("parameters"))
    except SchemaTooLargeError as exc:
        raise cannot_say(str(exc), f"{where}.function.parameters") from exc
    return declaration if parameters is None else declaration | {"parameters": parameters}


def choose(declared: list[Schema], choice: Any) -> tuple[list[Schema], JSONObject | None]:
    """(the declarations to send, functionCallingConfig or None for Gemini's default, auto).

    `allowed_tools` is sent by declaring only those: in mode AUTO Gemini takes no list of allowed names.
    """
    if isinstance(choice, str):
        return declared, None if choice == "auto" or choice not in MODES else {"mode": MODES[choice]}
    choice = as_dict(choice)
    if choice.get("type") == "allowed_tools":
        allowed = as_dict(choice.get("allowed_tools"))
        names = {_name_of(as_dict(tool)) for tool in as_list(allowed.get("tools"))}
        kept = [declaration for declaration in declared if declaration["name"] in names]
        return choose(kept, as_text(allowed.get("mode")))
    if name := _name_of(choice):
        return declared, {"mode": "ANY", "allowedFunctionNames": [name]}
    return declared, None


def _name_of(tool: JSONObject) -> str:
    return as_text(as_dict(tool.get("function")).get("name"))
