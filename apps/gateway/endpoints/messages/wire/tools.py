"""Tools and the choice among them: Anthropic's shapes -> OpenAI's.

Some dated types are run by the client, which has written out no schema: those are here. All others run on Anthropic's servers, and are
left out: models answer without a search rather than not at all.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.messages.wire import schema
from apps.gateway.wire.errors import bad_request

TEXT: Final[JSONObject] = {"type": "string"}
LINE: Final[JSONObject] = {"type": "integer"}
EDITING: Final[JSONObject] = {
    "path": TEXT,
    "file_text": TEXT,
    "old_str": TEXT,
    "new_str": TEXT,
    "insert_line": LINE,
    "insert_text": TEXT,
    "view_range": {"type": "array", "items": LINE},
}
EDITS: Final = ("view", "create", "str_replace", "insert")


def _commands(names: Sequence[str], fields: JSONObject) -> JSONObject:
    command = {"type": "string", "enum": list(names)}
    return {"type": "object", "properties": {"command": command, **fields}, "required": ["command"]}


CLIENTS: Final[Mapping[str, tuple[str, str, JSONObject]]] = {
    "bash_": (
        "bash",
        "Run a command in a bash session that lasts; `restart` begins a new one.",
        {"type": "object", "properties": {"command": TEXT, "restart": {"type": "boolean"}}},
    ),
    "text_editor_": (
        "str_replace_based_edit_tool",
        "View, create and edit files.",
        _commands(EDITS, EDITING),
    ),
    "memory_": (
        "memory",
        "Keep notes in files below /memories.",
        _commands((*EDITS, "delete", "rename"), EDITING | {"old_path": TEXT, "new_path": TEXT}),
    ),
}
"""Beginning of the dated type -> usual name, description, schema. Source: Anthropic's reference of each tool, 2026-11."""
OWN: Final = frozenset({None, "custom"})


class Tools(NamedTuple):
    """The request's members of OpenAI's, and what of the client's they leave out: names for `x-freeai-dropped`."""

    members: JSONObject
    ignored: tuple[str, ...]


def tools_of(body: schema.TokensBody) -> Tools:
    """Raises ApiError(400) that names the tool which cannot be had, or the choice of one that is not there."""
    made: list[JSONObject] = []
    ignored: list[str] = []
    for at, tool in enumerate(body.tools or ()):
        if function := _function(tool, f"tools[{at}]"):
            made.append(function)
        else:
            ignored.append(tool.name or tool.type or "tool")
    members: JSONObject = {"tools": made} if made else {}
    return Tools(members | _chosen(body.tool_choice, made), tuple(dict.fromkeys(ignored)))


def _function(tool: schema.Tool, path: str) -> JSONObject | None:
    """None for one that Anthropic runs."""
    if tool.type not in OWN:
        known = next((it for start, it in CLIENTS.items() if str(tool.type).startswith(start)), None)
        if known is None:
            return None
        name, description, parameters = known
        return _as_function(tool.name or name, tool.description or description, parameters)
    if not tool.name:
        raise bad_request(f"`{path}.name`: Object missing required field `name`.", param=f"{path}.name")
    if tool.input_schema is None:
        raise bad_request(
            f"`{path}.input_schema`: Object missing required field `input_schema`.",
            param=f"{path}.input_schema",
        )
    made = _as_function(tool.name, tool.description, tool.input_schema)
    if tool.strict is not None:
        made["function"]["strict"] = tool.strict
    return made


def _as_function(name: str, description: str | None, parameters: JSONObject) -> JSONObject:
    said = {"description": description} if description else {}
    return {"type": "function", "function": {"name": name, **said, "parameters": parameters}}


def _chosen(choice: schema.Choice | None, tools: list[JSONObject]) -> JSONObject:
    """Raises ApiError(400) where a call is demanded and there is nothing to call."""
    members: JSONObject = {}
    one_at_a_time = getattr(choice, "disable_parallel_tool_use", None)  # not every choice has it
    if tools and one_at_a_time is not None:
        members["parallel_tool_calls"] = not one_at_a_time
    match choice:
        case schema.AutoChoice() if tools:
            return members | {"tool_choice": "auto"}
        case schema.NoneChoice() if tools:
            return members | {"tool_choice": "none"}
        case schema.AnyChoice():
            if not tools:
                raise bad_request("`tool_choice`: there is no tool to call.", param="tool_choice")
            return members | {"tool_choice": "required"}
        case schema.ToolChoice(name=name):
            if name not in {tool["function"]["name"] for tool in tools}:
                raise bad_request(
                    f"`tool_choice.name`: `tools` has no tool `{name}` that can be called here.",
                    param="tool_choice.name",
                )
            return members | {"tool_choice": {"type": "function", "function": {"name": name}}}
    return members
