"""What an answer repeats of its request."""

from typing import Any, Final

from msgspec import to_builtins

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire import schema

PLAIN: Final[JSONObject] = {"format": {"type": "text"}}
AS_GIVEN: Final = (
    *("instructions", "previous_response_id", "max_output_tokens", "top_logprobs", "user"),
    *("safety_identifier", "prompt_cache_key", "service_tier"),
)


def echo_of(known: schema.ResponsesBody, raw: JSONObject) -> JSONObject:
    """Those members of the response object; tools and their choice as the client wrote them."""
    reasoning = known.reasoning or schema.Reasoning()
    text: Any = known.text and {
        name: value for name, value in to_builtins(known.text).items() if value is not None
    }
    return {
        **{name: getattr(known, name) for name in AS_GIVEN},
        "background": False,
        "metadata": known.metadata or {},
        "parallel_tool_calls": known.parallel_tool_calls is not False,
        "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary or reasoning.generate_summary},
        "temperature": 1.0 if known.temperature is None else known.temperature,
        "text": {**PLAIN, **(text or {})},
        "tool_choice": raw.get("tool_choice") or "auto",
        "tools": raw.get("tools") or [],
        "top_p": 1.0 if known.top_p is None else known.top_p,
        "truncation": known.truncation or "disabled",
    }
