"""The fields of answers in OpenAI's dialect, the same for whole answers and streams."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.values import as_dict, as_list, as_text

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


def reasoning_of(message: JSONObject) -> str:
    """Reasoning text in a field of its own: the first of the three names that holds any; OpenRouter sends two
    with the same text."""
    if text := as_text(message.get("reasoning_content")) or as_text(message.get("reasoning")):
        return text
    details = map(as_dict, as_list(message.get("reasoning_details")))
    return "".join(as_text(detail.get("text")) or as_text(detail.get("summary")) for detail in details)


def extensions_of(message: JSONObject) -> JSONObject:
    """What else a message or delta carries: `refusal`, `audio`, `annotations`, `reasoning_details`, …"""
    if len(message) == 1 and "content" in message:
        return {}
    return {
        key: value for key, value in message.items() if key not in READ_FIELDS and value not in (None, "", [])
    }


def calls_of(message: JSONObject) -> list[JSONObject]:
    """Tool calls of a message or delta, the legacy `function_call` among them."""
    if calls := as_list(message.get("tool_calls")):
        return [call for call in calls if isinstance(call, dict)]
    call = message.get("function_call")
    return [{"index": 0, "function": call}] if isinstance(call, dict) else []


def has_failed(choice: JSONObject) -> bool:
    """Whether the upstream says that it failed while it answered."""
    return as_text(choice.get("finish_reason")) in FAILED_FINISHES


def finish_of(choice: JSONObject, has_calls: bool) -> str | None:
    """OpenAI's finish reason; None while there is none. An answer that calls tools ends with "tool_calls"
    whatever the upstream says, unless it was cut or filtered."""
    reason = choice.get("finish_reason")
    if not reason:
        return None
    reason = FINISH_REASONS.get(str(reason), "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason
