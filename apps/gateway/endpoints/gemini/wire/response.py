"""ChatResult -> GenerateContentResponse, with FreeAI's own members; and the parts that streams are made of too."""

from collections.abc import Sequence
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.gateway.answering.calls import CUT, Call, calls_of
from apps.gateway.endpoints.gemini.wire.signatures import signature_of
from apps.providers.types import ChatResult, Usage

FINISHES: Final = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
NOTHING: Final[JSONObject] = {"text": ""}
"""The one part of a candidate that says nothing: clients look for a first one."""


def whole(result: ChatResult, usage: Usage, members: JSONObject, *, shows_thinking: bool) -> JSONObject:
    """The object. `members`: FreeAI's own, and Google's of the answer. Raises UpstreamError(PARSING)."""
    return {
        "candidates": [_candidate(choice, shows_thinking=shows_thinking) for choice in result.choices],
        "usageMetadata": usage_of(usage),
        **members,
    }


def _candidate(choice: JSONObject, *, shows_thinking: bool) -> JSONObject:
    message, finish = choice["message"], choice.get("finish_reason")
    parts = text_parts(message, shows_thinking=shows_thinking)
    parts += call_parts(calls_of(message, is_cut=finish == CUT))
    return candidate(choice["index"], parts or [NOTHING], finish or "stop")


def candidate(index: int, parts: Sequence[JSONObject], finish: Any = None) -> JSONObject:
    """One candidate of an answer or a frame. `finish`: chat's reason, None while it goes on."""
    made: JSONObject = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if finish is not None:
        made["finishReason"] = FINISHES.get(finish, "STOP")
    return made


def text_parts(message: JSONObject, *, shows_thinking: bool) -> list[JSONObject]:
    """What is thought, where that is shown, and what is said: of a message, or of a chunk's delta."""
    parts: list[JSONObject] = []
    if shows_thinking and (thought := message.get("reasoning_content")):
        parts.append({"text": thought, "thought": True})
    if text := (message.get("content") or "") + (message.get("refusal") or ""):
        parts.append({"text": text})
    return parts


def call_parts(calls: Sequence[Call]) -> list[JSONObject]:
    """A part for each call."""
    parts: list[JSONObject] = []
    for call in calls:
        part: JSONObject = {"functionCall": {"id": call.id, "name": call.name, "args": call.input}}
        if (signature := signature_of(call.id)) is not None:
            part["thoughtSignature"] = signature
        parts.append(part)
    return parts


def usage_of(usage: Usage) -> JSONObject:
    """Google's usage object, in which candidates do not include thoughts; `estimated` only where it is."""
    thoughts = min(usage.reasoning_tokens, usage.completion_tokens)
    told: JSONObject = {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": usage.completion_tokens - thoughts,
        "totalTokenCount": usage.total_tokens,
    }
    if thoughts:
        told["thoughtsTokenCount"] = thoughts
    if usage.cached_tokens:
        told["cachedContentTokenCount"] = usage.cached_tokens
    if usage.estimated:
        told["estimated"] = True
    return told
