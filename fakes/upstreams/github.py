"""GitHub Models: Azure's wire, which names what it does not know and takes few tokens."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import Fault, Problem, Refused
from fakes.limits import Meter

from .base import Upstream, error_event, invalid, models_document, names
from .openai_rules import Rules

_MAX_TOKENS = 8_000
_KNOWN = names(
    "model messages temperature top_p max_tokens stop stream seed frequency_penalty presence_penalty"
    " response_format tools tool_choice"
)
_OPENAI_ONLY = names(
    "stream_options parallel_tool_calls n logprobs top_logprobs logit_bias user max_completion_tokens"
)
_REASONING_ONLY = names("reasoning_effort")
_REASONING_MODELS = ("openai/o", "openai/gpt-5", "xai/grok-3-mini")


def _coded(status: int, code: str, message: str, **headers: str) -> Problem:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Problem(status=status, message=message, code=code, headers=named)


def _limited(rule: str, kind: str, wait_s: str) -> Problem:
    return _coded(
        429,
        "RateLimitReached",
        f"Rate limit of {rule} exceeded for {kind}. Please wait {wait_s} seconds before retrying.",
        retry_after=wait_s,
        x_ratelimit_type=kind,
        x_ratelimit_timeremaining=wait_s,
        x_ms_error_code="RateLimitReached",
    )


_MINUTE = _limited("15 per 60s", "UserByModelByMinute", "55")
_TOO_LARGE = _coded(
    413, "tokens_limit_reached", "Request body too large for {model} model. Max size: 8000 tokens."
)

PROBLEMS = {
    Fault.AUTH: _coded(401, "unauthorized", "Bad credentials"),
    Fault.FORBIDDEN: _coded(403, "no_access", "No access to model: {model}"),
    Fault.SERVICE_RETIRED: _coded(
        410,
        "github_models_retirement_brownout",
        "GitHub Models has been retired. See the changelog of 30 July 2026.",
    ),
    Fault.NOT_FOUND: _coded(400, "unknown_model", "Unknown model: {model}"),
    Fault.TOO_LARGE: _TOO_LARGE,
    Fault.CONTEXT_LENGTH: _TOO_LARGE,
    Fault.RATE_MINUTE: _MINUTE,
    Fault.RATE_TOKENS: _MINUTE,
    Fault.RATE_DAY: _limited("50 per 86400s", "UserByModelByDay", "84893"),
    Fault.RATE_QUEUE: _limited("5 per 0s", "UserConcurrentRequests", "0"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """The message twice, as `message` and as `details`."""
    return {"error": {"code": problem.code, "message": problem.message, "details": problem.message}}


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """Azure's own limits, which are far above those that bind."""
    return {
        "x-ratelimit-limit-requests": "20000",
        "x-ratelimit-remaining-requests": "19999",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-tokens": "1999000",
        "x-ratelimit-renewalperiod-requests": "60",
    }


def check(asked: Asked) -> None:
    """Unknown arguments, those that only OpenAI's or reasoning models know, and the size. Raises Refused."""
    known = _KNOWN | _OPENAI_ONLY if _is_openai(asked.model) else _KNOWN
    if asked.model.startswith(_REASONING_MODELS):
        known |= _REASONING_ONLY
    for name in asked.body:
        if name not in known:
            raise invalid(f"Unrecognized request argument supplied: {name}")
    _RULES.check(asked.body)
    response_format = asked.body.get("response_format") or {}
    if response_format.get("type") == "json_schema" and not _is_openai(asked.model):
        raise invalid("response_format of type json_schema is not supported with this model")
    if asked.prompt_tokens > _MAX_TOKENS:
        raise Refused(_TOO_LARGE)


_RULES = Rules(
    refuse=lambda text, where: invalid(text, param=where, code="invalid_function_parameters"),
    strings=names("tool"),
    whole_schemas=True,
)


def _is_openai(model: str) -> bool:
    publisher, slash, _ = model.partition("/")
    return not slash or publisher == "openai"


MODELS = models_document(
    {"id": "openai/gpt-4.1-mini", "name": "OpenAI GPT-4.1-mini", "rate_limit_tier": "low"},
    {"id": "meta/llama-3.3-70b-instruct", "name": "Llama-3.3-70B-Instruct", "rate_limit_tier": "high"},
)
_FILTERS = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]

GITHUB = Upstream(
    slug="github",
    base_path="/inference",
    families=(
        OpenAIChat(Dialect(prologue={"id": "", "model": "", "prompt_filter_results": _FILTERS})),
        ModelList(MODELS),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event({"error": {"code": "server_error", "message": "Internal server error"}}),
    checks={"chat": check},
    headers=headers,
)
