"""Cerebras: OpenAI's wire, errors without an envelope, resets in float seconds."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import DAY_S, MINUTE_S, Fault, Problem, flat_shape
from fakes.limits import Limits, Meter

from .base import Upstream, error_event, invalid, models_document, names
from .openai_rules import Rules

_MAX_STOPS = 4
_FIELDS = names(
    "model messages temperature top_p max_tokens max_completion_tokens min_tokens n seed stop stream stream_options logprobs"
    " top_logprobs response_format tools tool_choice parallel_tool_calls prediction reasoning_effort reasoning_format"
    " disable_reasoning clear_thinking service_tier queue_threshold user prompt_cache_key"
)
_MAX_TEMPERATURE = 1.5
_TOO_MANY = "too_many_requests_error"

PROBLEMS = {
    Fault.AUTH: Problem(status=401, message="Wrong API Key", param="api_key", code="wrong_api_key"),
    Fault.NOT_FOUND: Problem(
        status=404,
        message="Model {model} does not exist or you do not have access to it.",
        type="not_found_error",
        param="model",
        code="model_not_found",
    ),
    Fault.RATE_MINUTE: Problem(
        status=429,
        message="Requests per minute limit exceeded - too many requests sent.",
        type=_TOO_MANY,
        param="quota",
        code="request_quota_exceeded",
        headers={"retry-after": "57"},
    ),
    Fault.RATE_TOKENS: Problem(
        status=429,
        message="Tokens per minute limit exceeded - too many tokens processed.",
        type="too_many_tokens_error",
        param="quota",
        code="token_quota_exceeded",
        headers={"retry-after": "58"},
    ),
    Fault.RATE_DAY: Problem(
        status=429,
        message="Requests per day limit exceeded - too many requests sent.",
        type=_TOO_MANY,
        param="quota",
        code="request_quota_exceeded",
        headers={"retry-after": "60"},
    ),
    Fault.RATE_QUEUE: Problem(
        status=429,
        message="We're experiencing high traffic right now! Please try again soon.",
        type=_TOO_MANY,
        param="queue",
        code="queue_exceeded",
        headers={"x-should-retry": "false"},
    ),
    Fault.CONTEXT_LENGTH: Problem(
        status=400,
        message="Please reduce the length of the messages or completion. Current length is 70000 while "
        "limit is "
        "65536",
        param="messages",
        code="context_length_exceeded",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(
        status=400,
        message="'stream_options' is not supported with this model",
        param="stream_options",
        code="wrong_api_format",
    ),
}


def closing(usage: dict[str, Any] | None) -> dict[str, Any]:
    """The timings of the last chunk."""
    times = {"queue_time": 0.001, "prompt_time": 0.002, "completion_time": 0.01, "total_time": 0.013}
    return {"time_info": {**times, "created": 1_755_000_000}}


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """Requests per day and tokens per minute, with the seconds to their reset."""
    limits = meter.limits
    return {
        "x-ratelimit-limit-requests-day": str(limits.requests_per_day),
        "x-ratelimit-limit-tokens-minute": str(limits.tokens_per_minute),
        "x-ratelimit-remaining-requests-day": str(meter.left_requests_day),
        "x-ratelimit-remaining-tokens-minute": str(meter.left_tokens_minute),
        "x-ratelimit-reset-requests-day": f"{DAY_S - now % DAY_S:.2f}",
        "x-ratelimit-reset-tokens-minute": f"{MINUTE_S - now % MINUTE_S:.2f}",
    }


def check(asked: Asked) -> None:
    """What Cerebras has long refused. Raises Refused."""
    body = asked.body
    for name in ("frequency_penalty", "presence_penalty", "logit_bias"):
        if body.get(name) is not None:
            raise invalid(f"property '{name}' is unsupported", param=name, code="wrong_api_format")
    if (body.get("temperature") or 0) > _MAX_TEMPERATURE:
        raise invalid("temperature must be at most 1.5", param="temperature", code="wrong_api_format")
    if isinstance(body.get("stop"), list) and len(body["stop"]) > _MAX_STOPS:
        raise invalid("stop must have at most 4 items", param="stop", code="wrong_api_format")
    _RULES.check(body)
    for position, message in enumerate(body["messages"]):
        if message.get("role") == "tool" and not isinstance(message.get("content"), str):
            where = f"messages.{position}.content"
            raise invalid(f"{where}: Input should be a valid string", param=where, code="wrong_api_format")


_RULES = Rules(
    refuse=lambda text, where: invalid(text, param=where, code="wrong_api_format"),
    fields=_FIELDS,
    strings=names("system developer assistant tool"),
)

MODELS = models_document(
    {"id": "gpt-oss-120b", "owned_by": "Cerebras"},
    {"id": "qwen-3.8-27b", "owned_by": "Cerebras"},
)

CEREBRAS = Upstream(
    slug="cerebras",
    caches_prompts=True,
    base_path="/v1",
    families=(
        OpenAIChat(Dialect(reasoning=Reasoning.REASONING, closing=closing)),
        ModelList(MODELS),
    ),
    shape=flat_shape,
    problems=PROBLEMS,
    stream_error=error_event(
        {
            "error": {
                "message": "Encountered a server error, please try again.",
                "type": "server_error",
                "param": "",
                "code": "",
                "id": "",
            },
            "status_code": 500,
        }
    ),
    charges_caps=True,
    checks={"chat": check},
    headers=headers,
    limits=Limits(requests_per_day=2_400, tokens_per_minute=30_000),
)
