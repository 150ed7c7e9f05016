"""What an answer repeats of its request."""

from typing import Any, Final

import orjson
from msgspec import to_builtins

from apps.core.aside import is_large
from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire import schema

PLAIN: Final[JSONObject] = {"format": {"type": "text"}}
LONG: Final = frozenset({"instructions", "text", "tool_choice", "tools"})
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
    echo = {
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
    return (
        {name: _encoded(echo[name]) if name in LONG else echo[name] for name in echo} if is_large() else echo
    )


def _encoded(value: Any) -> orjson.Fragment:
    """Once, and not for each event that repeats it."""
    return orjson.Fragment(orjson.dumps(value))
