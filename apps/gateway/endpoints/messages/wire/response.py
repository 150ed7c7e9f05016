"""ChatResult -> Anthropic's message, with FreeAI's own members."""

from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.gateway.answering.calls import CUT, Call, calls_of
from apps.gateway.endpoints.messages.wire.signatures import sign
from apps.providers.types import ChatResult, Usage

STOPS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
NOTHING: Final[JSONObject] = {"type": "text", "text": ""}
"""The one block of a message that says nothing: clients look for a first one."""


def whole(result: ChatResult, usage: Usage, members: JSONObject, shown_to: int | None) -> JSONObject:
    """A message. `members`: id, model and FreeAI's own. `shown_to`: the user who is shown what the model thought; None leaves it out.

    Raises UpstreamError(PARSING) for arguments of a call that are no JSON object.
    """
    choice = result.choices[0]
    finish = choice.get("finish_reason")
    content = blocks_of(choice["message"], shown_to, is_cut=finish == CUT)
    has_calls = any(block["type"] == "tool_use" for block in content)
    return message_of(
        members,
        content or [NOTHING],
        stop_reason=stop_reason(finish, has_calls=has_calls),
        usage=usage_of(usage),
    )


def message_of(
    members: JSONObject, content: list[JSONObject], *, stop_reason: str | None, usage: JSONObject
) -> JSONObject:
    """The object, whole or as a stream begins it."""
    return {
        "type": "message",
        "role": "assistant",
        **members,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def blocks_of(message: JSONObject, shown_to: int | None, *, is_cut: bool) -> list[JSONObject]:
    """The content blocks: what was thought, what is said, what is called. A call whose arguments the end of an answer cut off is none.
    Raises UpstreamError(PARSING)."""
    blocks: list[JSONObject] = []
    if shown_to is not None and (thought := message.get("reasoning_content")):
        blocks.append({"type": "thinking", "thinking": thought, "signature": sign(thought, shown_to)})
    if text := (message.get("content") or "") + (message.get("refusal") or ""):
        blocks.append({"type": "text", "text": text})
    return blocks + [_tool_use(call) for call in calls_of(message, is_cut=is_cut)]


def stop_reason(finish: Any, *, has_calls: bool) -> str:
    """Anthropic's word for why the answer ended."""
    if has_calls and finish != "length":
        return "tool_use"
    return STOPS.get(finish, "end_turn")


def usage_of(usage: Usage) -> JSONObject:
    """Anthropic's usage object, in which prompts do not include what was cached; `estimated` only where it is."""
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    told: JSONObject = {
        "input_tokens": usage.prompt_tokens - cached,
        "output_tokens": usage.completion_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
    }
    if usage.estimated:
        told["estimated"] = True
    return told


def _tool_use(call: Call) -> JSONObject:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
