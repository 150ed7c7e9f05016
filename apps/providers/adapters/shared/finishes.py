"""Why an answer ended: OpenAI's word for an upstream's, in whatever case and wording it comes."""

import re
from typing import Any, Literal

Finish = Literal["stop", "length", "tool_calls", "content_filter", "failed", "unknown"]

KNOWN: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "eos": "stop",  # Together
    "eos_token": "stop",  # Text Generation Inference
    "stop_sequence": "stop",  # Cohere, TGI
    "complete": "stop",  # Cohere
    "end_turn": "stop",
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Z.ai
    "max_tokens": "length",  # Cohere, Gemini
    "max_output_tokens": "length",
    "function_call": "tool_calls",
    "tool_call": "tool_calls",  # Cohere
    "tool_use": "tool_calls",
    "sensitive": "content_filter",  # Z.ai
    "error_toxic": "content_filter",  # Cohere v1; v2 blocks with status 498
    "error": "failed",  # Mistral, OpenRouter, Together, Cohere
    "network_error": "failed",  # Z.ai
    "timeout": "failed",  # Cohere
    "abort": "failed",  # vLLM
}
# What is not known is told by its words, the first row that has one: that an answer was cut must not get lost for an unknown spelling.
FILTERED = (
    "blocked blocklist censored filter filtered flagged guardrail guardrails moderated moderation policy prohibited recitation refusal"
    " safety sensitive spii toxic violation"
)
FAILED = (
    "abort aborted canceled cancelled crashed error exception fail failed failure interrupted invalid malformed rate timeout unavailable"
    " unexpected"
)
CUT = "exceeded length limit max maximum overflow tokens truncated truncation window"
CALLED = "function functions tool tools"
ENDED = "complete completed done end eos finished stop stopped success"
MEANINGS: tuple[Finish, ...] = ("content_filter", "failed", "length", "tool_calls", "stop")
WORDS = tuple(
    (frozenset(each.split()), to)
    for each, to in zip((FILTERED, FAILED, CUT, CALLED, ENDED), MEANINGS, strict=True)
)
SEPARATORS = re.compile(r"[^a-z0-9]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def read_finish(reason: Any) -> Finish | None:
    """What `reason` says: a finish reason of OpenAI's, "failed" or "unknown"; None where it says nothing."""
    if not reason:
        return None
    text = str(reason)
    if (known := KNOWN.get(text)) is not None:
        return known
    words = [word for word in SEPARATORS.split(CAMEL.sub("_", text[:100]).lower()) if word]
    if (known := KNOWN.get("_".join(words))) is not None:
        return known
    return next((finish for ours, finish in WORDS if not ours.isdisjoint(words)), "unknown")


def native(reason: Any, finish: Finish | None) -> dict[str, str]:
    """A member for the choice where nobody knows what its upstream's reason means; the answer counts as ended by itself then."""
    return {"native_finish_reason": str(reason)[:100]} if finish == "unknown" else {}
