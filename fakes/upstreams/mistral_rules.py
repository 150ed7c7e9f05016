"""What Mistral refuses: unknown keys (422), foreign tool-call ids (3280), wrong order (3230)."""

from __future__ import annotations

import re
from typing import Any

from fakes.answers import Asked
from fakes.faults import Problem, Refused

from .base import names
from .openai_rules import Rules

_ALLOWED = names(
    "model messages temperature top_p max_tokens stream stop random_seed metadata response_format tools"
    " tool_choice presence_penalty frequency_penalty n prediction parallel_tool_calls reasoning_effort"
    " prompt_mode guardrails prompt_cache_key safe_prompt"
)
_ALLOWED_IN_MESSAGE = {
    "system": names("role content"),
    "user": names("role content"),
    "assistant": names("role content tool_calls prefix"),
    "tool": names("role content tool_call_id name"),
}
_MAX_TEMPERATURE = 1.5
_TOOL_ID = re.compile(r"[a-zA-Z0-9]{9}")


def check_chat(asked: Asked) -> None:
    """Raises Refused for a body that Mistral does not take."""
    body = asked.body
    _check_keys(body, _ALLOWED, ["body"])
    if (body.get("temperature") or 0) > _MAX_TEMPERATURE:
        raise _invalid_field(
            "less_than_equal", ["body", "temperature"], "Input should be less than or equal to 1.5"
        )
    if body.get("tools") == []:
        raise _invalid_field(
            "too_short", ["body", "tools"], "List should have at least 1 item after validation"
        )
    messages = body["messages"]
    for position, message in enumerate(messages):
        _check_message(position, message)
    _check_order(messages)
    _RULES.check(body)


_ALLOWED_IN_FIM = names(
    "model prompt suffix temperature top_p max_tokens min_tokens stream stop random_seed metadata"
)


def check_fim(asked: Asked) -> None:
    """Raises Refused for a body that it does not take to fill a gap."""
    _check_keys(asked.body, _ALLOWED_IN_FIM, ["body"])
    if (asked.body.get("temperature") or 0) > _MAX_TEMPERATURE:
        raise _invalid_field(
            "less_than_equal", ["body", "temperature"], "Input should be less than or equal to 1.5"
        )


def _invalid_field(kind: str, where: list[str | int], text: str, value: Any = None) -> Refused:
    detail = [{"type": kind, "loc": where, "msg": text, "input": value}]
    return Refused(Problem(status=422, message=text, extra={"detail": detail}))


_RULES = Rules(
    refuse=lambda text, where: _invalid_field("invalid", ["body", where], text),
    nulls=True,
)


def _check_keys(document: dict[str, Any], allowed: frozenset[str], where: list[str | int]) -> None:
    for name, value in document.items():
        if name not in allowed:
            text = "Extra inputs are not permitted"
            raise _invalid_field("extra_forbidden", [*where, name], text, value)


def _check_message(position: int, message: dict[str, Any]) -> None:
    role = str(message.get("role"))
    where: list[str | int] = ["body", "messages", position]
    if role not in _ALLOWED_IN_MESSAGE:
        text = "Input tag found using 'role' does not match any of the expected tags"
        raise _invalid_field("union_tag_invalid", where, text, role)
    _check_keys(message, _ALLOWED_IN_MESSAGE[role], [*where, role])
    calls = message.get("tool_calls") or []
    if role == "assistant" and not message.get("content") and not calls:
        raise _wrong_order("Assistant message must have either content or tool_calls, but not none.")
    for tool_id in (*(call.get("id") for call in calls), *_answered(message)):
        if not _TOOL_ID.fullmatch(str(tool_id)):
            text = f"Tool call id was {tool_id} but must be a-z, A-Z, 0-9, with a length of 9."
            raise Refused(Problem(status=400, message=text, type="invalid_function_call", code="3280"))


def _answered(message: dict[str, Any]) -> list[Any]:
    return [message.get("tool_call_id")] if message.get("role") == "tool" else []


def _wrong_order(text: str) -> Refused:
    return Refused(Problem(status=400, message=text, type="invalid_request_message_order", code="3230"))


def _check_order(messages: list[dict[str, Any]]) -> None:
    previous = ""
    open_calls: set[str] = set()
    for message in messages:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in open_calls:
                raise _wrong_order(f"Unexpected role 'tool' after role '{previous}'")
            open_calls.discard(message["tool_call_id"])
        elif open_calls:
            raise _wrong_order("Not the same number of function calls and responses")
        elif previous == "tool" and role != "assistant":
            raise _wrong_order(f"Unexpected role '{role}' after role 'tool'")
        open_calls |= {call["id"] for call in message.get("tool_calls") or ()}
        previous = role
    last = messages[-1]
    if open_calls or not (last["role"] in ("user", "tool") or last.get("prefix") is True):
        text = "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
        raise _wrong_order(text + str(last["role"]))
