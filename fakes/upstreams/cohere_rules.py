"""What Cohere refuses: unknown keys, lower-case choices, values out of range, tool results without their call."""

from __future__ import annotations

import re
from typing import Any

from fakes.answers import Asked
from fakes.faults import Refused

from .base import invalid, names

_TOP = names(
    "model messages stream tools strict_tools tool_choice documents citation_options response_format safety_mode"
    " max_tokens stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs thinking priority"
)
_IN_MESSAGE = {
    "system": names("role content"),
    "user": names("role content"),
    "assistant": names("role content tool_calls tool_plan citations"),
    "tool": names("role content tool_call_id"),
}
_PARTS = {
    "system": names("text"),
    "user": names("text image_url document"),
    "assistant": names("text thinking"),
    "tool": names("text document"),
}
_RANGES = {
    "temperature": (0, 1),
    "frequency_penalty": (0, 1),
    "presence_penalty": (0, 1),
    "p": (0.01, 0.99),
    "k": (0, 500),
    "seed": (0, 2**64 - 1),
}
_MAX_STOPS = 5
_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_chat(asked: Asked) -> None:
    """Raises Refused for a body that Cohere does not take."""
    body = asked.body
    _check_keys(body, _TOP)
    for name, (least, most) in _RANGES.items():
        if body.get(name) is not None and not least <= body[name] <= most:
            raise _bad(f"{name} must be between {least} and {most} inclusive.")
    if len(body.get("stop_sequences") or ()) > _MAX_STOPS:
        raise _bad(f"too many stop sequences, at most {_MAX_STOPS} are allowed.")
    if body.get("tool_choice") not in (None, "REQUIRED", "NONE"):
        raise _bad("tool_choice must be one of: REQUIRED, NONE.")
    _check_format(body)
    for tool in body.get("tools") or ():
        _check_tool(tool)
    for position, message in enumerate(body["messages"]):
        _check_message(position, message)
    _check_tool_results(body["messages"])


def _bad(text: str) -> Refused:
    return invalid(f"invalid request: {text}")


def _check_keys(document: dict[str, Any], allowed: frozenset[str]) -> None:
    for name in document:
        if name not in allowed:
            raise invalid(f"unknown field: parameter '{name}' is not a valid field")


def _check_format(body: dict[str, Any]) -> None:
    form = body.get("response_format") or {}
    _check_keys(form, names("type json_schema"))
    if form.get("type") not in (None, "text", "json_object"):
        raise _bad("response_format.type must be one of: text, json_object.")
    if form.get("type") == "json_object" and body.get("tools"):
        raise _bad("response_format json_object is not supported with tools.")


def _check_tool(tool: dict[str, Any]) -> None:
    _check_keys(tool, names("type function"))
    function = tool.get("function") or {}
    _check_keys(function, names("name description parameters"))
    if not _TOOL_NAME.fullmatch(str(function.get("name"))):
        raise _bad(
            "tool names can only contain letters, digits and underscores and must not begin with a digit."
        )
    if not isinstance(function.get("parameters"), dict):
        raise _bad("tool parameters are required.")


def _check_message(position: int, message: dict[str, Any]) -> None:
    role = str(message.get("role"))
    if role not in _IN_MESSAGE:
        raise _bad(f"messages[{position}].role must be one of: user, assistant, system, tool.")
    _check_keys(message, _IN_MESSAGE[role])
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    if any(part.get("type") not in _PARTS[role] for part in parts):
        raise _bad(f"messages[{position}].content has a part of a type that role {role} does not take.")
    calls = message.get("tool_calls") or []
    if calls and content and (isinstance(content, str) or any(part["type"] == "text" for part in parts)):
        raise invalid(
            "text content is not allowed when tool_calls are provided. If you wish to pass a tool plan, either "
            f"pass thinking content (with thinking enabled) or use 'tool_plan': 'messages[{position}].content[0]'"
        )
    if role != "tool" and not content and not calls:
        raise _bad(f"messages[{position}] must have content or tool calls.")
    for call in calls:
        _check_call(position, call)


def _check_call(position: int, call: dict[str, Any]) -> None:
    _check_keys(call, names("id type function"))
    function = call.get("function")
    if not call.get("id") or not isinstance(function, dict):
        raise _bad(f"messages[{position}].tool_calls: id and function are required.")
    if not _TOOL_NAME.fullmatch(str(function.get("name"))) or not isinstance(function.get("arguments"), str):
        raise _bad(f"messages[{position}].tool_calls: the function is not valid.")


def _check_tool_results(messages: list[dict[str, Any]]) -> None:
    """Each result answers a call of the assistant's turn before, and every call is answered before the turn ends."""
    waiting: set[str] = set()
    for position, message in enumerate(messages):
        if message["role"] == "tool":
            tool_id = message.get("tool_call_id")
            if tool_id not in waiting:
                raise _bad(f"messages[{position}]: tool call id not found in previous tool calls: {tool_id}.")
            waiting.discard(tool_id)
        elif waiting:
            raise _bad(f"messages[{position}]: tool calls without results: {', '.join(sorted(waiting))}.")
        else:
            waiting = {str(call["id"]) for call in message.get("tool_calls") or ()}
    if waiting:
        raise _bad("the last tool calls have no results.")
