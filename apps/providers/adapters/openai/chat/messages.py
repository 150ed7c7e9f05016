"""Fitting a message history to an upstream: roles, keys, content, tool call ids, order.

Nothing here changes what it is given.
"""

from typing import Any

from apps.core.json_types import JSONArray
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.history import (
    REASONING_FIELDS,
    Message,
    alnum9,
    is_silent,
    modernised,
    paired,
    unsigned,
)
from apps.providers.types import Preset

PLAIN_ROLES = frozenset({"system", "developer", "user"})
# A turn that says nothing, but is not empty: upstreams that insist on it refuse an assistant without content.
BRIDGE: Message = {"role": "assistant", "content": "OK."}


def is_plain(message: Message) -> bool:
    """Whether a preset without message quirks sends `message` as it is."""
    role = message.get("role")
    if role == "assistant":
        return (
            not message.get("tool_calls")
            and "function_call" not in message
            and REASONING_FIELDS.isdisjoint(message)
        )
    return role in PLAIN_ROLES


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
            or preset.inline_images
            or preset.audio_string
        )
        self._takes_prefix = "prefix" in preset.message_fields.get("assistant", ())

    def rewrite(self, messages: list[Message]) -> list[Message]:
        """The history as this upstream takes it; the very same list where nothing needs to change.

        Raises UpstreamError(REFUSED) for an image that it would have to fetch and cannot.
        """
        if not self._quirky and all(map(is_plain, messages)):
            return messages
        placed = paired(modernised(messages))
        messages = [self._fit(message) for _, message in placed if not is_silent(message)]
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
        if isinstance(content, list):
            fitted["content"] = self._fit_parts(content, role)
        elif content is None and not preset.null_content:
            fitted["content"] = ""
        self._rewrite_ids(fitted)
        return fitted

    def _rewrite_ids(self, message: Message) -> None:
        """Replace the ids in a message that is already a copy; the calls in it are copied here."""
        if isinstance(answers := message.get("tool_call_id"), str):
            message["tool_call_id"] = self._tool_id(answers)
        if isinstance(calls := message.get("tool_calls"), list):
            message["tool_calls"] = [
                call | {"id": self._tool_id(str(call.get("id", "")))} if isinstance(call, dict) else call
                for call in calls
            ]

    def _tool_id(self, tool_id: str) -> str:
        tool_id = unsigned(tool_id)
        return alnum9(tool_id) if self._preset.tool_id == "alnum9" else tool_id

    def _fit_parts(self, parts: JSONArray, role: str) -> str | JSONArray:
        preset = self._preset
        if preset.inline_images and any(map(_is_linked_image, parts)):
            raise cannot_say("this provider takes images as data: URIs only")
        if preset.audio_string:
            parts = [_bare_audio(part) for part in parts]
        return flattened(parts) if role in preset.string_content_roles else parts


def _may_carry(role: str, key: str, allowed: frozenset[str] | None) -> bool:
    if allowed is not None:
        return key == "role" or key in allowed
    return role != "assistant" or key not in REASONING_FIELDS


def _is_linked_image(part: Any) -> bool:
    image = part.get("image_url") if isinstance(part, dict) else None
    url = image.get("url") if isinstance(image, dict) else image
    return isinstance(url, str) and not url[:5].lower().startswith("data:")


def _bare_audio(part: Any) -> Any:
    """An audio part with the base64 text where OpenAI has an object with text and format (Mistral, 2026-08)."""
    audio = part.get("input_audio") if isinstance(part, dict) else None
    return part | {"input_audio": audio.get("data")} if isinstance(audio, dict) else part


def flattened(parts: JSONArray) -> str | JSONArray:
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
