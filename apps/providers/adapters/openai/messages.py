"""Fitting a message history to an upstream: roles, keys, content, tool call ids, order.

Nothing here changes what it is given.
"""

import hashlib
import re
from typing import Any

from apps.providers.types import Preset

Message = dict[str, Any]

REASONING_FIELDS = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
ALNUM9 = re.compile(r"[a-zA-Z0-9]{9}")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# A turn that says nothing, but is not empty: upstreams that insist on it refuse an assistant without content.
BRIDGE: Message = {"role": "assistant", "content": "OK."}


def text_hash(text: str, length: int) -> str:
    """`length` (at most 40) letters and digits that depend on `text` alone."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(digits)


def alnum9(tool_id: str) -> str:
    """`tool_id` if it is nine letters and digits, else nine that depend on it alone: the same in the call and
    in its result."""
    return tool_id if ALNUM9.fullmatch(tool_id) else text_hash(tool_id, 9)


def is_plain(message: Message) -> bool:
    """Whether a preset without message quirks sends `message` as it is."""
    role = message.get("role")
    if role == "assistant":
        return "function_call" not in message and REASONING_FIELDS.isdisjoint(message)
    return role != "function"


class MessageRewriter:
    """The message quirks of one preset, compiled once."""

    def __init__(self, preset: Preset) -> None:
        self._preset = preset
        self._quirky = bool(
            preset.roles
            or preset.tool_id != "any"
            or preset.message_fields
            or preset.string_content_roles
            or not preset.null_content
            or preset.assistant_after_tool
        )
        self._takes_prefix = "prefix" in preset.message_fields.get("assistant", ())

    def rewrite(self, messages: list[Message]) -> list[Message]:
        """The history as this upstream takes it; the very same list where nothing needs to change."""
        if not self._quirky and all(map(is_plain, messages)):
            return messages
        messages = [self._fit(message) for message in modernised(messages)]
        if self._preset.assistant_after_tool:
            messages = bridged(messages)
        if self._takes_prefix and messages and messages[-1].get("role") == "assistant":
            messages[-1] = messages[-1] | {"prefix": True}
        return messages

    def _fit(self, message: Message) -> Message:
        preset = self._preset
        theirs = str(message.get("role"))
        role = preset.roles.get(theirs, theirs)
        allowed = preset.message_fields.get(role)
        fitted = {key: value for key, value in message.items() if _may_carry(role, key, allowed)}
        fitted["role"] = role
        content = message.get("content")
        if content is None and role == "assistant" and "refusal" not in fitted and message.get("refusal"):
            content = fitted["content"] = message["refusal"]
        if role in preset.string_content_roles and isinstance(content, list):
            fitted["content"] = flattened(content)
        elif content is None and not preset.null_content:
            fitted["content"] = ""
        if preset.tool_id == "alnum9":
            _rewrite_ids(fitted)
        return fitted


def _may_carry(role: str, key: str, allowed: frozenset[str] | None) -> bool:
    if allowed is not None:
        return key == "role" or key in allowed
    return role != "assistant" or key not in REASONING_FIELDS


def _rewrite_ids(message: Message) -> None:
    """Replace the ids in a message that is already a copy; the calls in it are copied here."""
    if isinstance(answers := message.get("tool_call_id"), str):
        message["tool_call_id"] = alnum9(answers)
    if isinstance(calls := message.get("tool_calls"), list):
        message["tool_calls"] = [
            call | {"id": alnum9(str(call.get("id", "")))} if isinstance(call, dict) else call
            for call in calls
        ]


def flattened(parts: list[Any]) -> str | list[Any]:
    """The text of `parts`, one line break between two; `parts` itself where one of them is not text."""
    texts = []
    for part in parts:
        if not isinstance(part, dict) or not isinstance(text := part.get("text"), str):
            return parts
        texts.append(text)
    return "\n".join(texts)


def bridged(messages: list[Message]) -> list[Message]:
    """`messages` with an assistant's turn between a tool's result and the user's next one."""
    result: list[Message] = []
    for message in messages:
        if result and message.get("role") == "user" and result[-1].get("role") == "tool":
            result.append(BRIDGE)
        result.append(message)
    return result


def modernised(messages: list[Message]) -> list[Message]:
    """`messages` with the legacy `function_call` and role `function` as tool calls and their results."""
    result: list[Message] = []
    call_ids: dict[str, str] = {}
    for position, message in enumerate(messages):
        call = message.get("function_call")
        if message.get("role") == "function":
            name = str(message.get("name", ""))
            call_id = call_ids.get(name) or _legacy_id(position, name)
            result.append({"role": "tool", "tool_call_id": call_id, "content": message.get("content") or ""})
        elif isinstance(call, dict):
            name = str(call.get("name", ""))
            call_ids[name] = _legacy_id(position, name)
            rest = {key: value for key, value in message.items() if key != "function_call"}
            tool_call = {"id": call_ids[name], "type": "function", "function": call}
            result.append({"content": None} | rest | {"tool_calls": [tool_call]})
        else:
            result.append(message)
    return result


def _legacy_id(position: int, name: str) -> str:
    return "call_" + text_hash(f"{position} {name}", 24)
