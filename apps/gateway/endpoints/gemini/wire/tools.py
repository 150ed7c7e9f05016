"""Tools and the choice among them: Google's shapes -> OpenAI's.

Tools that Google runs itself are left out where the request has functions beside them; alone they are what it asks for.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.gemini.wire import schema
from apps.gateway.endpoints.gemini.wire.schemas import OBJECT, json_schema
from apps.gateway.endpoints.gemini.wire.spelling import camel
from apps.gateway.wire.errors import bad_request

HOSTED: Final = tuple(
    name for name in schema.ContentTool.__struct_fields__ if name != "function_declarations"
)
MODE: Final = "toolConfig.functionCallingConfig.mode"
NAMES: Final = "toolConfig.functionCallingConfig.allowedFunctionNames"
MODES: Final = {
    "": "auto",
    "MODE_UNSPECIFIED": "auto",
    "AUTO": "auto",
    "VALIDATED": "auto",
    "ANY": "required",
    "NONE": "none",
}


class Tools(NamedTuple):
    """The request's members of OpenAI's, and what of the client's they leave out: names for `x-freeai-dropped`."""

    members: JSONObject
    ignored: tuple[str, ...]


def tools_of(body: schema.CountedBody) -> Tools:
    """Raises ApiError(400) that names the tool which cannot be had, or the choice of one that is not there."""
    made: list[JSONObject] = []
    hosted: dict[str, str] = {}
    for at, tool in enumerate(body.tools or ()):
        made += map(_function, tool.function_declarations or ())
        hosted |= {
            camel(name): f"tools[{at}].{camel(name)}" for name in HOSTED if getattr(tool, name) is not None
        }
    if len(made) > schema.MAX_TOOLS:
        raise bad_request(f"`tools`: more than {schema.MAX_TOOLS} functions.", param="tools")
    if hosted and not made:
        name, path = next(iter(hosted.items()))
        raise bad_request(f"`{path}`: {name} is not run here.", param=path, code="unsupported_tool")
    members: JSONObject = {"tools": made} if made else {}
    return Tools(members | _chosen(body.tool_config, made), tuple(hosted))


def _function(declared: schema.FunctionDeclaration) -> JSONObject:
    parameters = declared.parameters_json_schema
    if parameters is None:
        parameters = json_schema(declared.parameters) if declared.parameters else dict(OBJECT)
    said = {"description": declared.description} if declared.description else {}
    return {"type": "function", "function": {"name": declared.name, **said, "parameters": parameters}}


def _chosen(config: schema.ToolConfig | None, tools: Sequence[JSONObject]) -> JSONObject:
    """Raises ApiError(400) where a call is demanded and there is nothing to call."""
    calling = config.function_calling_config if config is not None else None
    if calling is None:
        return {}
    choice = MODES.get((calling.mode or "").upper())
    if choice is None:
        raise bad_request(f"`{MODE}`: must be AUTO, ANY, NONE or VALIDATED.", param=MODE)
    if not tools:
        if choice == "required":
            raise bad_request(f"`{MODE}`: there is no function to call.", param=MODE)
        return {}
    names = calling.allowed_function_names or []
    known = {tool["function"]["name"] for tool in tools}
    if unknown := next((name for name in names if name not in known), None):
        raise bad_request(f"`{NAMES}`: `tools` has no function `{unknown}`.", param=NAMES)
    if choice != "required" or not names:
        return {"tool_choice": choice}
    allowed = [{"type": "function", "function": {"name": name}} for name in dict.fromkeys(names)]
    if len(allowed) == 1:
        return {"tool_choice": allowed[0]}
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": choice, "tools": allowed}}}
