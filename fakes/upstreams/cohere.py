"""Cohere, native wire: flat errors, counters of trial keys on every success, a month where others have a day."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.cohere import CohereChat
from fakes.families.embeddings import CohereEmbeddings
from fakes.families.listing import ModelList, page_tokens
from fakes.families.rerank import CohereRerank
from fakes.families.transcriptions import Transcriptions
from fakes.faults import Fault, Problem
from fakes.limits import Limits, Meter

from .base import Upstream, error_event
from .cohere_rules import check_chat
from .rerank_rules import check_cohere as check_rerank
from .task_rules import check_cohere_embeddings, check_cohere_transcription

_MONTHLY_CALLS = 1000
_UPGRADE = (
    "You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits at "
    "'https://dashboard.cohere.com/api-keys'. Contact us on 'https://discord.gg/XW44jPfYJu' or email us at "
    "support@cohere.com with any questions"
)


def _trial(limit: str) -> Problem:
    message = f"You are using a Trial key, which is limited to {limit}. {_UPGRADE}"
    return Problem(status=429, message=message)


PROBLEMS = {
    Fault.BAD_REQUEST: Problem(status=400, message="invalid request: messages must not be empty."),
    Fault.AUTH: Problem(status=401, message="invalid api token"),
    Fault.PAYMENT: Problem(
        status=402,
        message="Please add or update your payment method at https://dashboard.cohere.com/billing to continue",
    ),
    Fault.FORBIDDEN: Problem(status=403, message="you do not have access to this resource"),
    Fault.NOT_FOUND: Problem(
        status=404,
        message="model '{model}' not found, make sure the correct model ID was used and that you have access to "
        "the model.",
    ),
    Fault.TOO_LARGE: Problem(status=413, message="request body too large"),
    Fault.UNPROCESSABLE: Problem(
        status=422,
        message="No valid response generated",
        extra={"error_type": "NO_VALID_RESPONSE_GENERATED"},
    ),
    Fault.RATE_MINUTE: _trial("20 API calls / minute"),
    Fault.RATE_TOKENS: Problem(
        status=429, message="trial token rate limit exceeded, limit is 100000 tokens per minute"
    ),
    Fault.RATE_DAY: _trial(f"{_MONTHLY_CALLS} API calls / month"),
    Fault.RATE_PLAIN: Problem(status=429, message="Please wait and try again later"),
    Fault.RATE_QUEUE: Problem(status=429, message="Too many concurrent requests"),
    Fault.CAPACITY: Problem(status=498, message="blocked output: please edit your prompt and try again"),
    Fault.INTERNAL: Problem(
        status=500, message="internal server error, this has been reported to our developers"
    ),
    Fault.UNAVAILABLE: Problem(status=503, message="service unavailable"),
    Fault.CONTEXT_LENGTH: Problem(
        status=400,
        message="too many tokens: total number of tokens in the prompt exceeds the limit of 128000. Try using a "
        "shorter prompt",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(
        status=400, message="unknown field: parameter 'stream_options' is not a valid field"
    ),
}


def shape(problem: Problem) -> dict[str, Any]:
    """Flat: an id and the message, and a finer type where there is one."""
    return {"id": "fake-error-id", "message": problem.message, **problem.extra}


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """The counters of a trial key, streamed or not."""
    return {
        "x-trial-endpoint-call-limit": str(meter.limits.requests_per_minute),
        "x-trial-endpoint-call-remaining": str(meter.left_requests_minute),
        "x-endpoint-monthly-call-limit": str(_MONTHLY_CALLS),
    }


def _model(name: str, window: int, *features: str, endpoint: str = "chat") -> dict[str, Any]:
    return {
        "name": name,
        "endpoints": [endpoint],
        "context_length": window,
        "features": list(features),
        "is_deprecated": False,
        "default_endpoints": [],
    }


# The real list is part of v1: GET https://api.cohere.com/v1/models.
MODELS = {
    "models": [
        _model("command-a-03-2025", 256_000, "tools", "strict_tools", "json_mode", "json_schema"),
        _model("command-a-reasoning-08-2025", 256_000, "tools", "reasoning"),
        _model("command-a-vision-07-2025", 128_000, "vision"),
        _model("embed-v4.0", 128_000, endpoint="embed"),
        _model("rerank-v4.0-fast", 32_000, endpoint="rerank"),
        _model("rerank-v3.5", 4_096, endpoint="rerank"),
    ]
}

COHERE = Upstream(
    slug="cohere",
    base_path="/v2",
    families=(
        CohereChat(),
        CohereEmbeddings(),
        CohereRerank(),
        Transcriptions("/../compatibility/v1/audio/transcriptions"),
        ModelList(
            MODELS,
            path="/../v1/models",
            key="models",
            page=page_tokens("models", "page_size", "page_token", "next_page_token", 20),
        ),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event({"id": "fake-error-id", "message": "internal server error"}, name="error"),
    checks={
        "chat": check_chat,
        "embeddings": check_cohere_embeddings,
        "rerank": check_rerank,
        "transcriptions": check_cohere_transcription,
    },
    headers=headers,
    limits=Limits(requests_per_minute=20, tokens_per_minute=100_000),
)
