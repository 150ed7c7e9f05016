"""Tool calls of a message or a delta, in whatever shape they come, as entries of OpenAI's `tool_calls`."""

from typing import Any

import orjson

from apps.core.json_types import JSONArray, JSONObject

from .missed import lost, refuse_missed
from .values import as_dict, is_nothing

ARGUMENTS = ("arguments", "args", "parameters", "input")
BESIDE = ("name", *ARGUMENTS)
LEGACY = "function_call"
NO_ARGUMENTS = ("", "{}", "{ }", "null")


def calls_of(message: JSONObject) -> list[JSONObject]:
    """Tool calls of a message or delta, the legacy `function_call` among them, each with a `function` that is an object, if it has one.
    Raises UpstreamError(PARSING) for one that cannot be read."""
    calls = message.get("tool_calls")
    if not is_nothing(calls):
        return [_entry(call) for call in _listed(calls) if not is_nothing(call)]
    legacy = message.get(LEGACY)
    if is_nothing(legacy):
        return []
    return [_entry({"index": at, "function": call}) for at, call in enumerate(_listed(legacy))]


def whole_calls_of(message: JSONObject) -> list[JSONObject]:
    """Those of `calls_of` a whole message that are calls. Raises as it does."""
    return [call for call in calls_of(message) if "custom" in call or is_call(as_dict(call.get("function")))]


def is_call(function: JSONObject) -> bool:
    """Whether that is a call: some send entries that say nothing beside an answer in text. Raises UpstreamError(PARSING) for arguments of
    nobody knows what."""
    named = not is_nothing(function.get("name"))
    if not named and arguments_of(function).strip() not in NO_ARGUMENTS:
        raise lost()
    return named


def arguments_of(function: JSONObject) -> str:
    """Arguments as JSON text; "" where there are none. Cloudflare and others send an object."""
    arguments = function.get("arguments")
    if is_nothing(arguments):
        arguments = next((function[name] for name in ARGUMENTS if not is_nothing(function.get(name))), "")
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()


def _entry(call: Any) -> JSONObject:
    """`call` with the function's name and arguments in its `function`, where some leave them beside it."""
    if not isinstance(call, dict):
        raise lost()
    function = call.get("function")
    beside = {name: call[name] for name in BESIDE if not is_nothing(call.get(name))}
    if "custom" in call or (isinstance(function, dict) and not beside):
        return call
    if isinstance(function, str):
        beside["name"] = function
    elif isinstance(function, dict):
        beside |= function
    elif not is_nothing(function):
        raise lost()
    if not beside:
        refuse_missed(call)
        return call
    rest = {name: value for name, value in call.items() if name not in (*BESIDE, "type")}
    return {**rest, "type": "function", "function": beside}


def _listed(value: Any) -> JSONArray:
    return value if isinstance(value, list) else [value]
