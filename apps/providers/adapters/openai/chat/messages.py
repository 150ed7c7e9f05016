"""Fitting a message history to an upstream: roles and their order, keys, content, tool calls.

Nothing here changes what it is given.
"""

from apps.providers.adapters.shared.history import (
    REASONING_FIELDS,
    Message,
    alnum9,
    is_silent,
    modernised,
    paired,
    unsigned,
)
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.turns import arranged, with_media_after
from apps.providers.types import Preset
from apps.providers.wires import Turns

from .calls import fit_call
from .parts import PartFitter

PLAIN_ROLES = frozenset({"system", "developer", "user", "assistant"})
PLAIN_KEYS = frozenset({"role", "content"})
# The keys of OpenAI's schema that every upstream has; `name` and `refusal` are not among them.
SAID = frozenset({"role", "content"})
OPENAI_KEYS = {
    "system": SAID,
    "developer": SAID,
    "user": SAID,
    "assistant": SAID | {"tool_calls"},
    "tool": SAID | {"tool_call_id"},
}


def is_plain(message: Message) -> bool:
    """Whether a preset without message quirks sends `message` as it is."""
    content = message.get("content")
    return (
        message.get("role") in PLAIN_ROLES
        and message.keys() <= PLAIN_KEYS
        and isinstance(content, str)
        and (content != "" or message["role"] != "assistant")
    )


class MessageRewriter:
    """The message quirks of one preset, compiled once."""

    def __init__(self, preset: Preset) -> None:
        self._preset = preset
        self._keys = (OPENAI_KEYS if preset.exact else {}) | preset.message_fields
        self._fit_parts = PartFitter(preset).fit
        self._quirky = bool(
            preset.roles or self._keys or preset.assistant_after_tool or preset.turns != Turns()
        )
        self._takes_prefix = "prefix" in self._keys.get("assistant", ())

    def rewrite(self, messages: list[Message], fit_name: Naming) -> list[Message]:
        """The history as this upstream takes it; the very same list where nothing needs to change. `fit_name`: what tools are called there.

        Raises UpstreamError(REFUSED) for an image that it would have to fetch and cannot.
        """
        if all(map(is_plain, messages)) and (not self._quirky or self._is_orderly(messages)):
            return messages
        fitted = [self._fit(message, fit_name) for _, message in paired(modernised(messages))]
        said = [message for message in fitted if not is_silent(message)]
        messages = arranged(
            with_media_after(said) if "tool" in self._preset.string_content_roles else said,
            self._preset.turns,
            bridge=self._preset.assistant_after_tool,
        )
        if self._takes_prefix and messages and messages[-1].get("role") == "assistant":
            messages[-1] = messages[-1] | {"prefix": True}
        return messages

    def _is_orderly(self, messages: list[Message]) -> bool:
        """Whether the roles of plain messages suit every upstream: a system's at most, then user and assistant by turns, the user last."""
        roles = [message["role"] for message in messages]
        if roles[:1] == ["system"] and self._preset.turns.system != "nowhere":
            del roles[0]
        if not self._preset.roles.keys() <= {"developer"}:
            return False
        users, assistants = roles[::2], roles[1::2]
        return len(users) > len(assistants) and {*users} == {"user"} and {*assistants} <= {"assistant"}

    def _fit(self, message: Message, fit_name: Naming) -> Message:
        theirs = str(message.get("role"))
        role = self._preset.roles.get(theirs, theirs)
        allowed = self._keys.get(role)
        fitted = {
            key: value
            for key, value in message.items()
            if value is not None and _may_carry(role, key, allowed)
        }
        fitted["role"] = role
        content = message.get("content")
        if not content and role == "assistant" and "refusal" not in fitted and message.get("refusal"):
            content = fitted["content"] = message["refusal"]
        self._fit_calls(fitted, fit_name)
        if isinstance(content, list):
            fitted["content"] = self._fit_parts(content, role)
        elif content is None:
            self._say_nothing(fitted, null="content" in message and self._preset.null_content)
        return fitted

    @staticmethod
    def _say_nothing(message: Message, *, null: bool) -> None:
        """Content is null beside tool calls only, and where this upstream takes that."""
        if message["role"] != "assistant":
            message["content"] = ""
        elif null:
            message["content"] = None
        elif not message.keys() & {"refusal", "audio"}:
            message["content"] = ""

    def _fit_calls(self, message: Message, fit_name: Naming) -> None:
        """Fit ids, names and arguments in a message that is already a copy; the calls in it are copied here."""
        if isinstance(answers := message.get("tool_call_id"), str):
            message["tool_call_id"] = self._tool_id(answers)
            if isinstance(name := message.get("name"), str):
                message["name"] = fit_name(name)
        calls = message.pop("tool_calls", None)
        if isinstance(calls, list) and calls:
            message["tool_calls"] = [
                fit_call(call, self._tool_id(str(call.get("id", ""))), fit_name, exact=self._preset.exact)
                for call in calls
                if isinstance(call, dict)
            ]

    def _tool_id(self, tool_id: str) -> str:
        tool_id = unsigned(tool_id)
        return alnum9(tool_id) if self._preset.tool_id == "alnum9" else tool_id


def _may_carry(role: str, key: str, allowed: frozenset[str] | None) -> bool:
    if allowed is not None:
        return key == "role" or key in allowed
    return role != "assistant" or key not in REASONING_FIELDS
