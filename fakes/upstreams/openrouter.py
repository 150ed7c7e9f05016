"""OpenRouter: numeric error codes with metadata, keep-alive comments, no headers but on its own 429."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.base import Listing
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.listing import ModelList, linked_pages
from fakes.families.openai import OpenAIChat
from fakes.faults import Fault, Problem
from fakes.limits import Meter

from .base import Upstream, error_event, invalid
from .openai_rules import Rules

_NOT_YOUR_QUOTA = "{model} is temporarily rate-limited upstream. Please retry shortly, or add your own key"


def _limited(bucket: str, limit: str, reset: str, source: str) -> Problem:
    headers = {"X-RateLimit-Limit": limit, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    metadata = {"headers": headers, "limit_source": source, "provider_name": None}
    return Problem(
        status=429,
        message=f"Rate limit exceeded: {bucket}.",
        extra={"metadata": metadata, "user_id": "user_x"},
        headers=headers,
    )


def _typed(status: int, message: str, error_type: str) -> Problem:
    return Problem(status=status, message=message, extra={"metadata": {"error_type": error_type}})


_MINUTE = _limited("free-models-per-min", "20", "{next_minute_ms}", "openrouter_free_tier_minute")

PROBLEMS = {
    Fault.BAD_REQUEST: _typed(400, 'Input required: specify "prompt" or "messages"', "invalid_request"),
    Fault.AUTH: Problem(status=401, message="No auth credentials found"),
    Fault.PAYMENT: Problem(
        status=402,
        message="This request requires more credits, or fewer max_tokens. You requested up to 32000 "
        "tokens, but can "
        "only afford 222. To increase, visit https://openrouter.ai/settings/credits and upgrade to a "
        "paid account",
        extra={"metadata": {"provider_name": None}, "user_id": "user_x"},
    ),
    Fault.FORBIDDEN: Problem(
        status=403,
        message='{model} requires moderation on Fake. Your input was flagged for "violence".',
        extra={
            "metadata": {
                "reasons": ["violence"],
                "flagged_input": "...",
                "provider_name": "Fake",
                "model_slug": "{model}",
            }
        },
    ),
    Fault.NOT_FOUND: Problem(status=404, message="No endpoints found for {model}."),
    Fault.TOO_LARGE: _typed(413, "Payload too large", "payload_too_large"),
    Fault.UNPROCESSABLE: _typed(422, "Unprocessable request", "unprocessable"),
    Fault.RATE_MINUTE: _MINUTE,
    Fault.RATE_TOKENS: _MINUTE,
    Fault.RATE_DAY: _limited(
        "free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
        "50",
        "{next_midnight_ms}",
        "openrouter_free_tier_daily",
    ),
    Fault.RATE_PLAIN: _typed(429, "Rate limit exceeded", "rate_limit_exceeded"),
    Fault.RATE_QUEUE: Problem(
        status=429,
        message="Provider returned error",
        extra={"metadata": {"raw": _NOT_YOUR_QUOTA, "provider_name": "Fake"}},
    ),
    Fault.INTERNAL: _typed(500, "Internal Server Error", "server"),
    Fault.BAD_GATEWAY: _typed(502, "Provider returned an invalid response", "provider_unavailable"),
    Fault.UNAVAILABLE: _typed(503, "Provider is unavailable", "provider_unavailable"),
    Fault.GATEWAY_TIMEOUT: _typed(504, "The operation timed out", "timeout"),
    Fault.OVERLOADED: _typed(529, "Provider overloaded", "provider_overloaded"),
    Fault.CONTEXT_LENGTH: _typed(
        400,
        "This endpoint's maximum context length is 65536 tokens. However, you requested about 70000 "
        "tokens. Please "
        'reduce the length of either one, or use the "middle-out" transform.',
        "context_length_exceeded",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(
        status=404, message="No endpoints found that can handle the requested parameters."
    ),
}


def shape(problem: Problem) -> dict[str, Any]:
    """The status as a number in `error.code`, metadata beside it, the user's id outside."""
    extra = dict(problem.extra)
    outside = {"user_id": extra.pop("user_id")} if "user_id" in extra else {}
    return {"error": {"message": problem.message, "code": problem.status, **extra}, **outside}


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """The generation's id: nothing about limits on a success."""
    return {"X-Generation-Id": f"gen-{asked.digest}"}


def _model(name: str, window: int, out: int, *parameters: str, price: str = "0") -> dict[str, Any]:
    return {
        "id": name,
        "canonical_slug": name.partition(":")[0],
        "name": name,
        "created": 1_740_000_000,
        "context_length": window,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"], "tokenizer": "Other"},
        "pricing": {"prompt": price, "completion": price, "request": "0", "image": "0"},
        "top_provider": {"context_length": window, "max_completion_tokens": out, "is_moderated": False},
        "supported_parameters": ["max_tokens", "temperature", *parameters],
        "per_request_limits": None,
        "expiration_date": None,
    }


# Lenient with fields, which it drops where a backend does not take them; the backends parse tools and calls.
_RULES = Rules(refuse=lambda text, where: invalid(f"{where}: {text}"), nulls=True, nested=False)


def check(asked: Asked) -> None:
    """Raises Refused for what every backend refuses."""
    _RULES.check(asked.body)


MODELS = {
    "data": [
        _model("openai/gpt-oss-20b:free", 131072, 32768, "tools", "reasoning"),
        _model("meta-llama/llama-3.3-70b-instruct:free", 65536, 8192, "tools"),
        _model("openai/gpt-oss-20b", 131072, 32768, "tools", "reasoning", price="0.00000005"),
        _model("openrouter/auto", 2_000_000, 0, "tools", price="-1"),
    ]
}

KEY = {
    "data": {
        "label": "sk-or-v1-fake...",
        "limit": None,
        "limit_remaining": None,
        "usage": 0.1,
        "usage_daily": 0,
        "usage_weekly": 0,
        "usage_monthly": 0.1,
        "is_free_tier": True,
        "free_model_daily_requests": {"used": 12, "limit": 50, "remaining": 38},
        "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
    }
}

DIALECT = Dialect(
    id_prefix="gen-",
    native_finish_reason=True,
    reasoning=Reasoning.REASONING_WITH_DETAILS,
    usage_chunk="always",
    usage_extras={"cost": 0, "is_byok": False},
    extras={"provider": "Fake"},
)

OPENROUTER = Upstream(
    slug="openrouter",
    base_path="/v1",
    families=(
        OpenAIChat(DIALECT),
        ModelList(MODELS, page=linked_pages, public=True),
        Listing("key", "/key", KEY),
    ),
    shape=shape,
    problems=PROBLEMS,
    opening_comment=b": OPENROUTER PROCESSING",
    stream_error=error_event(
        {
            "id": "gen-fake",
            "object": "chat.completion.chunk",
            "created": 1_755_000_000,
            "model": "fake",
            "provider": "Fake",
            "error": {
                "code": 502,
                "message": "Provider disconnected",
                "metadata": {"error_type": "provider_unavailable"},
            },
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        }
    ),
    checks={"chat": check},
    headers=headers,
)
