"""Tools and the choice among them: the Responses API's shapes -> chat's, and what each tool was called before.

A custom tool, whose input is any text, becomes a function with that text as its one argument. Tools that somebody would have to host (a
web search, a shell of OpenAI's) are left out and named: models answer without them rather than not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire import schema
from apps.gateway.endpoints.responses.wire.names import Declared, flat
from apps.gateway.wire.errors import ApiError, bad_request

MOST: Final = 512
"""Functions of one request, with those of its namespaces."""
INPUT: Final = "input"
ONE_TEXT: Final[JSONObject] = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "The whole input, as it is: no JSON."}},
    "required": [INPUT],
    "additionalProperties": False,
}
NOTHING: Final[JSONObject] = {"type": "object", "properties": {}}


class Tools(NamedTuple):
    """The request's members of chat's, each tool's declaration by the name that upstreams hear, and what is left out: names for
    `x-freeai-dropped`."""

    members: JSONObject
    declared: Mapping[str, Declared]
    ignored: tuple[str, ...]


def tools_of(body: schema.InputTokensBody, more: Sequence[tuple[str, schema.ResponseTool]]) -> Tools:
    """`more`: path and tool of those that came with items. Raises ApiError(400) that names the tool which cannot be had, or the choice of
    one that is not there."""
    made: dict[str, JSONObject] = {}
    declared: dict[str, Declared] = {}
    ignored: dict[str, None] = {}
    own = [(f"tools[{at}]", tool) for at, tool in enumerate(body.tools or ())]
    for path, tool, namespace in _each([*own, *more]):
        if tool.type not in ("function", "custom"):
            ignored[tool.type] = None
            continue
        if not tool.name:
            raise bad_request(f"`{path}.name`: Object missing required field `name`.", param=f"{path}.name")
        meant = Declared("custom" if tool.type == "custom" else "function", tool.name, namespace)
        name = flat(tool.name, namespace)
        if declared.setdefault(name, meant) != meant:
            raise bad_request(f"`{path}.name`: another tool has the name `{name}`.", param=f"{path}.name")
        made[name] = _function(name, tool)
    if len(made) > MOST:
        raise bad_request(f"`tools`: more than {MOST} tools, with those of namespaces.", param="tools")
    members: JSONObject = {"tools": list(made.values())} if made else {}
    if made and body.parallel_tool_calls is not None:
        members["parallel_tool_calls"] = body.parallel_tool_calls
    return Tools(members | _chosen(body, declared), declared, tuple(ignored))


def _each(
    tools: Sequence[tuple[str, schema.ResponseTool]],
) -> Iterator[tuple[str, schema.ResponseTool, str | None]]:
    """Path, tool and namespace of all; those of a namespace in its place."""
    for path, tool in tools:
        if tool.type != "namespace":
            yield path, tool, None
            continue
        if not tool.name:
            raise bad_request(f"`{path}.name`: Object missing required field `name`.", param=f"{path}.name")
        for at, inner in enumerate(tool.tools or ()):
            yield f"{path}.tools[{at}]", inner, tool.name


def _function(name: str, tool: schema.ResponseTool) -> JSONObject:
    function: JSONObject = {"name": name}
    if description := _description(tool):
        function["description"] = description
    if tool.type == "custom":
        return {"type": "function", "function": function | {"parameters": ONE_TEXT}}
    function["parameters"] = tool.parameters or NOTHING
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _description(tool: schema.ResponseTool) -> str:
    """The tool's own, and of a custom tool the grammar that its input must follow: nobody holds the model to it."""
    told = tool.description or ""
    if tool.type != "custom" or not isinstance(grammar := _grammar(tool.format or {}), str):
        return told
    syntax = (tool.format or {}).get("syntax")
    return f"{told}\n\nThe input must match this grammar ({syntax}):\n{grammar}".lstrip()


def _grammar(told: JSONObject) -> Any:
    return told.get("definition") if told.get("type") == "grammar" else None


def _chosen(body: schema.InputTokensBody, declared: Mapping[str, Declared]) -> JSONObject:
    """Raises ApiError(400) where a call is demanded and there is nothing to call."""
    match body.tool_choice:
        case "auto" | "none" as word:
            return {"tool_choice": word} if declared else {}
        case "required":
            if not declared:
                raise bad_request("`tool_choice`: there is no tool to call.", param="tool_choice")
            return {"tool_choice": "required"}
        case schema.ChosenTool(type="allowed_tools") as choice:
            return _allowed(choice, declared)
        case schema.ChosenTool() as choice:
            return {"tool_choice": _named(_found(choice, declared, body, "tool_choice"))}
    return {}


def _allowed(choice: schema.ChosenTool, declared: Mapping[str, Declared]) -> JSONObject:
    """Some of the tools; those that are hosted cannot be allowed."""
    names = [flat(tool.name, tool.namespace) for tool in choice.tools or () if tool.name]
    allowed = [name for name in names if name in declared]
    if not allowed and choice.mode == "required":
        raise bad_request("`tool_choice.tools`: there is no tool to call.", param="tool_choice.tools")
    if not declared:
        return {}
    if not allowed:
        return {"tool_choice": "none"}
    tools = {"mode": choice.mode or "auto", "tools": [_named(name) for name in allowed]}
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": tools}}


def _found(
    choice: schema.ChosenTool, declared: Mapping[str, Declared], body: schema.InputTokensBody, path: str
) -> str:
    """The name that upstreams hear. Raises ApiError(400)."""
    if choice.type not in ("function", "custom"):
        raise _unsupported(choice.type, body)
    name = flat(choice.name or "", choice.namespace)
    if name in declared:
        return name
    bare = [
        heard for heard, tool in declared.items() if tool.name == choice.name and choice.namespace is None
    ]
    if len(bare) == 1:
        return bare[0]
    raise bad_request(
        f"`{path}.name`: `tools` has no tool `{name}` that can be called here.", param=f"{path}.name"
    )


def _unsupported(kind: str, body: schema.InputTokensBody) -> ApiError:
    hosted = (f"tools[{at}].type" for at, tool in enumerate(body.tools or ()) if tool.type == kind)
    path = next(hosted, "tool_choice.type")
    return bad_request(
        f"`{path}`: tools of the type `{kind}` are not run here.", param=path, code="unsupported_tool"
    )


def _named(name: str) -> JSONObject:
    return {"type": "function", "function": {"name": name}}
