"""Mistral: near OpenAI's wire, but strict on every key, on tool-call ids and on the order of messages."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.embeddings import OpenAIEmbeddings
from fakes.families.fim import FillInTheMiddle
from fakes.families.listing import ModelList
from fakes.families.moderations import MistralModerations
from fakes.families.openai import OpenAIChat
from fakes.families.speech import MistralSpeech
from fakes.families.transcriptions import MistralTranscriptions
from fakes.faults import Fault, Problem
from fakes.limits import Limits, Meter

from .base import Upstream, error_event, models_document
from .mistral_rules import check_chat, check_fim
from .speech_rules import check_mistral as check_speech
from .task_rules import check_mistral_embeddings, check_mistral_moderation, check_mistral_transcription


def _limited(**headers: str) -> Problem:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Problem(status=429, message="Rate limit exceeded", type="rate_limited", code="1300", headers=named)


PROBLEMS = {
    Fault.BAD_REQUEST: Problem(status=400, message="Invalid request: messages"),
    Fault.AUTH: Problem(status=401, message="Unauthorized", extra={"bare": {"detail": "Unauthorized"}}),
    Fault.NOT_FOUND: Problem(
        status=404, message="no Route matched", extra={"bare": {"message": "no Route matched"}}
    ),
    Fault.RATE_MINUTE: _limited(x_ratelimit_limit_req_minute="23", x_ratelimit_remaining_req_minute="0"),
    Fault.RATE_TOKENS: _limited(
        x_ratelimit_limit_tokens_minute="356250", x_ratelimit_remaining_tokens_minute="0"
    ),
    Fault.RATE_DAY: _limited(
        x_ratelimit_limit_tokens_month="1000000000", x_ratelimit_remaining_tokens_month="0"
    ),
    Fault.RATE_PLAIN: Problem(
        status=429,
        message="Requests rate limit exceeded",
        extra={"bare": {"message": "Requests rate limit exceeded"}},
    ),
    Fault.RATE_QUEUE: Problem(
        status=429,
        message="Service tier capacity exceeded for this model.",
        type="service_tier_capacity_exceeded",
        code="3505",
    ),
    Fault.UNAVAILABLE: Problem(
        status=503,
        message="Service tier capacity exceeded for this model.",
        type="service_tier_capacity_exceeded",
        code="3505",
    ),
    Fault.CONTEXT_LENGTH: Problem(
        status=400,
        message="Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
        "context "
        "length",
        type="invalid_request_prompt",
        code="3051",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(
        status=422,
        message="",
        extra={
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "stream_options"],
                    "msg": "Extra inputs are not permitted",
                    "input": {"include_usage": True},
                }
            ]
        },
    ),
}


def shape(problem: Problem) -> dict[str, Any]:
    """Mistral's flat error; `extra` may hold a validation `detail`, or a `bare` body of its gateway."""
    if "bare" in problem.extra:
        return dict(problem.extra["bare"])
    detail = problem.extra.get("detail")
    return {
        "object": "error",
        "message": {"detail": detail} if detail else problem.message,
        "type": problem.type,
        "param": problem.param,
        "code": problem.code,
        "raw_status_code": problem.status,
    }


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """Requests and tokens per wall-clock minute; nothing at all on a stream."""
    if asked.stream:
        return {}
    return {
        "x-ratelimit-limit-req-minute": str(meter.limits.requests_per_minute),
        "x-ratelimit-remaining-req-minute": str(meter.left_requests_minute),
        "x-ratelimit-limit-tokens-minute": str(meter.limits.tokens_per_minute),
        "x-ratelimit-remaining-tokens-minute": str(meter.left_tokens_minute),
        "x-ratelimit-tokens-query-cost": str(asked.prompt_tokens),
        "mistral-correlation-id": asked.digest,
    }


def _model(name: str, window: int, **capabilities: bool) -> dict[str, Any]:
    known = (
        "completion_chat",
        "completion_fim",
        "function_calling",
        "reasoning",
        "vision",
        "audio_transcription",
        "moderation",
    )
    return {
        "id": name,
        "owned_by": "mistralai",
        "capabilities": {capability: capabilities.get(capability, False) for capability in known},
        "max_context_length": window,
        "aliases": [],
        "deprecation": None,
        "default_model_temperature": 0.3,
    }


MODELS = models_document(
    _model("mistral-large-latest", 262144, completion_chat=True, function_calling=True, vision=True),
    _model("mistral-small-latest", 256000, completion_chat=True, function_calling=True, reasoning=True),
    _model("codestral-latest", 128000, completion_chat=True, completion_fim=True, function_calling=True),
    _model("mistral-embed", 8192),
    _model("voxtral-mini-latest", 32768, audio_transcription=True),
    _model("mistral-moderation-latest", 8192, moderation=True),
)

DIALECT = Dialect(
    id_prefix="",
    short_tool_ids=True,
    whole_tool_calls=True,
    reasoning=Reasoning.THINKING_PARTS,
    usage_chunk="last",
)

MISTRAL = Upstream(
    slug="mistral",
    caches_prompts=True,
    base_path="/v1",
    families=(
        OpenAIChat(DIALECT),
        FillInTheMiddle(DIALECT),
        OpenAIEmbeddings(),
        MistralTranscriptions(),
        MistralModerations(),
        MistralSpeech("mp3", "wav", "pcm", "flac", "opus"),
        ModelList(MODELS),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(
        {
            "object": "error",
            "message": "Service unavailable.",
            "type": "internal_server_error",
            "code": "3500",
        }
    ),
    checks={
        "chat": check_chat,
        "fim": check_fim,
        "embeddings": check_mistral_embeddings,
        "speech": check_speech,
        "moderations": check_mistral_moderation,
        "transcriptions": check_mistral_transcription,
    },
    headers=headers,
    limits=Limits(requests_per_minute=750, tokens_per_minute=356_250),
)
