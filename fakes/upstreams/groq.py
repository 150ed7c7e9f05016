"""Groq: OpenAI's wire with x_groq in it, Go durations in its headers, a few fields refused."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.families.speech import Speech
from fakes.families.transcriptions import Transcriptions, Translations
from fakes.faults import DAY_S, MINUTE_S, Fault, Problem
from fakes.limits import Meter, go_duration

from .base import Upstream, error_event, invalid, models_document, names
from .openai_rules import Rules
from .speech_rules import check_groq
from .task_rules import check_translation, check_whisper

_MAX_STOPS = 4
_FIELDS = names(
    "model messages temperature top_p n stream stream_options stop max_tokens max_completion_tokens frequency_penalty presence_penalty"
    " logit_bias logprobs top_logprobs seed response_format tools tool_choice parallel_tool_calls functions function_call user"
    " reasoning_effort reasoning_format include_reasoning service_tier store metadata disable_tool_validation documents"
    " citation_options search_settings compound_custom exclude_domains include_domains"
)
_MAX_TOOLS = 128
_MAX_TEMPERATURE = 2
_REQUEST_ID = "req_fake"
_LIMIT = "Rate limit reached for model `{model}` in organization `org_x` service tier `on_demand` on "
_UPGRADE = " Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"


def _limited(text: str, kind: str, retry_after: str, **left: str) -> Problem:
    headers = {
        "retry-after": retry_after,
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-requests": left.get("requests", "13000"),
        "x-ratelimit-remaining-tokens": left.get("tokens", "5000"),
        "x-ratelimit-reset-requests": "2m59.56s",
        "x-ratelimit-reset-tokens": "7.66s",
    }
    message = _LIMIT + text + _UPGRADE
    return Problem(status=429, message=message, type=kind, code="rate_limit_exceeded", headers=headers)


PROBLEMS = {
    Fault.AUTH: Problem(status=401, message="Invalid API Key", code="invalid_api_key"),
    Fault.TOO_LARGE: Problem(
        status=413,
        message="Request too large for model `{model}` in organization `org_x` service tier `on_demand` "
        "on tokens "
        "per minute (TPM): Limit 6000, Requested 6791, please reduce your message size and try again.",
        type="tokens",
        code="rate_limit_exceeded",
        headers={"retry-after": "8"},
    ),
    Fault.RATE_MINUTE: _limited(
        "requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 2s.", "requests", "2"
    ),
    Fault.RATE_TOKENS: _limited(
        "tokens per minute (TPM): Limit 6000, Used 5900, Requested 866. Please try again in 7.66s.",
        "tokens",
        "8",
        tokens="0",
    ),
    Fault.RATE_DAY: _limited(
        "tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s.",
        "tokens",
        "579",
    ),
    Fault.CAPACITY: Problem(
        status=498, message="Flex tier capacity exceeded.", type="capacity_exceeded", code="capacity_exceeded"
    ),
    Fault.INTERNAL: Problem(status=500, message="Internal Server Error", type="internal_server_error"),
    Fault.UNAVAILABLE: Problem(status=503, message="Service Unavailable", type="internal_server_error"),
    Fault.CONTEXT_LENGTH: Problem(
        status=400,
        message="Please reduce the length of the messages or completion.",
        code="context_length_exceeded",
        param="messages",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(status=400, message="property 'stream_options' is unsupported"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """OpenAI's error object without the fields that are null."""
    optional = {"param": problem.param, "code": problem.code}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"error": {"message": problem.message, "type": problem.type, **given, **problem.extra}}


def closing(usage: dict[str, Any] | None) -> dict[str, Any]:
    """The x_groq object of the last chunk, which holds the usage even if the client did not ask for it."""
    return {"x_groq": {"id": _REQUEST_ID, **({"usage": usage} if usage else {})}}


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """Requests per day and tokens per minute; the resets are the time to refill what was used."""
    limits = meter.limits
    left_requests, left_tokens = meter.left_requests_day, meter.left_tokens_minute
    if meter.quotas is not None:
        of_model = meter.quotas.left(asked.model, "requests", DAY_S, now)
        left_requests = left_requests if of_model is None else of_model
        of_model = meter.quotas.left(asked.model, "tokens", MINUTE_S, now)
        left_tokens = left_tokens if of_model is None else of_model
    used_requests = limits.requests_per_day - left_requests
    used_tokens = limits.tokens_per_minute - left_tokens
    return {
        "x-ratelimit-limit-requests": str(limits.requests_per_day),
        "x-ratelimit-limit-tokens": str(limits.tokens_per_minute),
        "x-ratelimit-remaining-requests": str(left_requests),
        "x-ratelimit-remaining-tokens": str(left_tokens),
        "x-ratelimit-reset-requests": go_duration(used_requests * DAY_S / limits.requests_per_day),
        "x-ratelimit-reset-tokens": go_duration(used_tokens * MINUTE_S / limits.tokens_per_minute),
    }


def check(asked: Asked) -> None:
    """Groq's documented refusals. Raises Refused."""
    body = asked.body
    for name in ("logprobs", "top_logprobs", "logit_bias"):
        if body.get(name) not in (None, False):
            raise invalid(f"`{name}` is not supported with this model", param=name)
    for name in ("store", "metadata"):
        if body.get(name) is not None:
            raise invalid(f"property '{name}' is unsupported")
    if body.get("n") not in (None, 1):
        raise invalid("'n' : number must be at most 1", param="n")
    if isinstance(body.get("stop"), list) and len(body["stop"]) > _MAX_STOPS:
        raise invalid("'stop' : one of the following must be satisfied: maximum 4 items", param="stop")
    if len(body.get("tools") or ()) > _MAX_TOOLS:
        raise invalid("'tools' : maximum number of items is 128", param="tools")
    if (body.get("temperature") or 0) > _MAX_TEMPERATURE:
        raise invalid("'temperature' : number must be at most 2", param="temperature")
    _check_json_mode(asked)
    _RULES.check(body)
    for position, message in enumerate(body["messages"]):
        _check_message(position, message)


_SAID = names("role content")
_RULES = Rules(
    refuse=lambda text, where: invalid(text, param=where),
    fields=_FIELDS,
    nulls=True,
    empty_schemas=True,
    message_keys={
        "system": _SAID,
        "developer": _SAID,
        "user": _SAID,
        "assistant": names("role content tool_calls reasoning"),
        "tool": names("role content tool_call_id"),
    },
    strings=names("system developer assistant tool"),
)


def _check_json_mode(asked: Asked) -> None:
    mode = (asked.body.get("response_format") or {}).get("type", "text")
    if mode != "text" and asked.body.get("tools") and asked.stream:
        raise invalid("`response_format` does not support streaming with tools", param="response_format")


def _check_message(position: int, message: dict[str, Any]) -> None:
    for name in ("reasoning_content", "reasoning_details", "refusal", "annotations", "audio"):
        if message.get(name) is not None:
            raise invalid(
                f"'messages.{position}' : for 'role:{message.get('role')}' the following must be satisfied"
                f"[('messages.{position}' : property '{name}' is unsupported)]"
            )
    if message.get("role") == "tool" and not isinstance(message.get("content"), str):
        raise invalid(f"'messages.{position}.content' : value must be a string")


def _model(name: str, owner: str, window: int, out: int) -> dict[str, Any]:
    return {
        "id": name,
        "owned_by": owner,
        "active": True,
        "context_window": window,
        "max_completion_tokens": out,
    }


MODELS = models_document(
    _model("openai/gpt-oss-120b", "OpenAI", 131072, 65536),
    _model("openai/gpt-oss-20b", "OpenAI", 131072, 65536),
    _model("qwen/qwen3.8-27b", "Alibaba Cloud", 131042, 16384),
    _model("whisper-large-v3-turbo", "OpenAI", 448, 448),
    _model("whisper-large-v3", "OpenAI", 448, 448),
    _model("openai/gpt-oss-safeguard-20b", "OpenAI", 131072, 65536),
    _model("canopylabs/orpheus-v1-english", "Canopy Labs", 4000, 4000),
)

DIALECT = Dialect(
    reasoning=Reasoning.REASONING,
    usage_extras={"queue_time": 0.03, "prompt_time": 0.003, "completion_time": 0.03, "total_time": 0.033},
    extras={"system_fingerprint": "fp_fake"},
    opening={"x_groq": {"id": _REQUEST_ID}},
    closing=closing,
)

GROQ = Upstream(
    slug="groq",
    caches_prompts=True,
    base_path="/v1",
    families=(OpenAIChat(DIALECT), Transcriptions(), Translations(), Speech("wav"), ModelList(MODELS)),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(
        {
            "error": {
                "message": "Failed to call a function. Please adjust your prompt. See "
                "'failed_generation' for more "
                "details.",
                "type": "invalid_request_error",
                "code": "tool_use_failed",
                "failed_generation": "<function=x>{}",
                "status_code": 400,
            }
        },
        name="error",
    ),
    charges_caps=True,
    checks={
        "chat": check,
        "transcriptions": check_whisper,
        "translations": check_translation,
        "speech": check_groq,
    },
    headers=headers,
    reports_on_errors=True,
)
