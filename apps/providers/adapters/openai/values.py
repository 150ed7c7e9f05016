"""Reading JSON that is only roughly in OpenAI's shapes, the same for whole answers and streams."""

import uuid
from typing import Any

import orjson

from apps.providers.adapters.history import text_hash
from apps.providers.types import Usage

# Upstreams' own words, and OpenAI's for them. What is not listed ends an answer like "stop".
FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "eos": "stop",  # Together
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Z.ai
    "sensitive": "content_filter",  # Z.ai
}
FAILED_FINISHES = frozenset({"error", "network_error"})  # Mistral, OpenRouter, Together; Z.ai
# What of a message or delta is read here and written anew, or is not passed on; everything else is passed on
# as it came.
READ_FIELDS = frozenset({"role", "content", "reasoning", "reasoning_content", "tool_calls", "function_call"})


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def split_content(content: Any) -> tuple[str, str]:
    """(reasoning, text) of a message's content: a string, or parts, of which Mistral's `thinking` ones are
    reasoning."""
    if isinstance(content, str):
        return "", content
    reasoning, texts = [], []
    for part in as_list(content):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            thinking = part.get("thinking")
            reasoning.append(thinking if isinstance(thinking, str) else split_content(thinking)[1])
            texts.append(as_text(part.get("text")))
    return "".join(reasoning), "".join(texts)


def reasoning_of(message: dict[str, Any]) -> str:
    """Reasoning text in a field of its own: the first of the three names that holds any; OpenRouter sends two
    with the same text."""
    if text := as_text(message.get("reasoning_content")) or as_text(message.get("reasoning")):
        return text
    details = map(as_dict, as_list(message.get("reasoning_details")))
    return "".join(as_text(detail.get("text")) or as_text(detail.get("summary")) for detail in details)


def extensions_of(message: dict[str, Any]) -> dict[str, Any]:
    """What else a message or delta carries: `refusal`, `audio`, `annotations`, `reasoning_details`, …"""
    if len(message) == 1 and "content" in message:
        return {}
    return {
        key: value for key, value in message.items() if key not in READ_FIELDS and value not in (None, "", [])
    }


def calls_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Tool calls of a message or delta, the legacy `function_call` among them."""
    if calls := as_list(message.get("tool_calls")):
        return [call for call in calls if isinstance(call, dict)]
    call = message.get("function_call")
    return [{"index": 0, "function": call}] if isinstance(call, dict) else []


def arguments_of(function: dict[str, Any]) -> str:
    """Arguments as JSON text; "" where there are none. Cloudflare and others send an object."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return arguments
    return orjson.dumps(arguments).decode() if arguments else ""


def has_failed(choice: dict[str, Any]) -> bool:
    """Whether the upstream says that it failed while it answered."""
    return as_text(choice.get("finish_reason")) in FAILED_FINISHES


def finish_of(choice: dict[str, Any], has_calls: bool) -> str | None:
    """OpenAI's finish reason; None while there is none. An answer that calls tools ends with "tool_calls"
    whatever the upstream says, unless it was cut or filtered."""
    reason = choice.get("finish_reason")
    if not reason:
        return None
    reason = FINISH_REASONS.get(str(reason), "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason


class CallIds:
    """Ids for tool calls that came without: they depend on the answer's own id, so a streamed and a whole
    answer get the same."""

    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer = ""

    def learn(self, answer_id: Any) -> None:
        """Take over the answer's id, where a frame has it; the first of a stream may not."""
        if not self._answer and isinstance(answer_id, str):
            self._answer = answer_id

    def make(self, choice: int, position: int) -> str:
        """`call_` and 24 letters and digits."""
        self._answer = self._answer or uuid.uuid4().hex
        return "call_" + text_hash(f"{self._answer} {choice} {position}", 24)


def usage_of(payload: dict[str, Any]) -> Usage | None:
    """Usage of an answer or a frame, wherever the upstream puts it; None where it says nothing."""
    usage = payload.get("usage") or as_dict(payload.get("x_groq")).get("usage")
    if not isinstance(usage, dict) or (
        usage.get("prompt_tokens") is None and usage.get("completion_tokens") is None
    ):
        return None
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(as_dict(usage.get("prompt_tokens_details")).get("cached_tokens")),
        reasoning_tokens=_count(as_dict(usage.get("completion_tokens_details")).get("reasoning_tokens")),
    )


def _count(value: Any) -> int:
    return max(int(value), 0) if isinstance(value, int | float) else 0
