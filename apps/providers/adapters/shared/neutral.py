"""Values of request fields that say nothing: leaving them out changes no answer, so they do not count as dropped."""

from typing import Any

from apps.core.json_types import JSONObject

NEUTRAL: JSONObject = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "store": False,
    "parallel_tool_calls": True,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "metadata": {},
    "modalities": ["text"],
    "service_tier": "auto",
}


def says_nothing(name: str, value: Any) -> bool:
    """Whether the field `name` with `value` asks for what an upstream does anyway."""
    return value is None or value == NEUTRAL.get(name)
