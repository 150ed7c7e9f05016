"""Google Gemini, native wire: google.rpc errors, quotas told in the body only, a bad key is a 400."""

from __future__ import annotations

from typing import Any

from fakes.families.base import Call
from fakes.families.embeddings import GeminiEmbeddings
from fakes.families.gemini import GeminiChat, GeminiTokenCount
from fakes.families.listing import ModelList, page_tokens
from fakes.families.speech import GeminiSpeech
from fakes.faults import Fault, Problem

from .base import Upstream, error_event
from .gemini_rules import check_chat
from .speech_rules import check_gemini as check_speech
from .task_rules import check_gemini_embeddings

_RPC = "type.googleapis.com/google.rpc."
_BAD_KEY = "API key not valid. Please pass a valid API key."
_LIMITS_PAGE = "https://ai.google.dev/gemini-api/docs/rate-limits"
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def _spent(metric: str, quota_id: str, limit: str) -> Problem:
    """A 429 with QuotaFailure and RetryInfo. The delay is short even for a spent day, as by the real API."""
    metric = f"generativelanguage.googleapis.com/{metric}"
    violation = {
        "quotaMetric": metric,
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": "{model}"},
        "quotaValue": limit,
    }
    help_link = {"description": "Learn more about Gemini API quotas", "url": _LIMITS_PAGE}
    details = [
        {"@type": _RPC + "Help", "links": [help_link]},
        {"@type": _RPC + "QuotaFailure", "violations": [violation]},
        {"@type": _RPC + "RetryInfo", "retryDelay": "20s"},
    ]
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this "
        f"error, head to: {_LIMITS_PAGE}.\n* Quota exceeded for metric: {metric}, limit: {limit}, model: "
        f"{{model}}\n"
        "Please retry in 20.04s."
    )
    return Problem(status=429, message=message, extra={"details": details})


PROBLEMS = {
    Fault.BAD_REQUEST: Problem(status=400, message="Request contains an invalid argument."),
    Fault.AUTH: Problem(
        status=400,
        message=_BAD_KEY,
        extra={
            "details": [
                {
                    "@type": _RPC + "ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": {"service": "generativelanguage.googleapis.com"},
                },
                {"@type": _RPC + "LocalizedMessage", "locale": "en-US", "message": _BAD_KEY},
            ]
        },
    ),
    Fault.FORBIDDEN: Problem(
        status=403,
        message="Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API "
        "Key or other form of API consumer identity to call this API.",
    ),
    Fault.REGION: Problem(
        status=400,
        message="User location is not supported for the API use.",
        extra={"status": "FAILED_PRECONDITION"},
    ),
    Fault.NOT_FOUND: Problem(
        status=404,
        message="models/{model} is not found for API version v1beta, or is not supported for "
        "generateContent. Call "
        "ListModels to see the list of available models and their supported methods.",
    ),
    Fault.RATE_MINUTE: _spent(
        "generate_content_free_tier_requests", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "5"
    ),
    Fault.RATE_TOKENS: _spent(
        "generate_content_free_tier_input_token_count",
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
        "250000",
    ),
    Fault.RATE_DAY: _spent(
        "generate_content_free_tier_requests", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20"
    ),
    Fault.RATE_PLAIN: Problem(status=429, message="Resource has been exhausted (e.g. check quota)."),
    Fault.INTERNAL: Problem(
        status=500, message="An internal error has occurred. Please retry or report in the developer forum."
    ),
    Fault.UNAVAILABLE: Problem(status=503, message="The model is overloaded. Please try again later."),
    Fault.CONTEXT_LENGTH: Problem(
        status=400,
        message="The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(
        status=400,
        message="Invalid JSON payload received. Unknown name \"seed\" at 'generation_config': Cannot "
        "find field.",
    ),
}


def shape(problem: Problem) -> dict[str, Any]:
    """google.rpc.Status as JSON."""
    status = _STATUS.get(problem.status, "UNKNOWN")
    return {"error": {"code": problem.status, "message": problem.message, "status": status, **problem.extra}}


def google_key(call: Call) -> str | None:
    """The key of the x-goog-api-key header or of ?key=."""
    return call.headers.get("x-goog-api-key") or call.query.get("key")


def _model(name: str, window: int, out: int, *methods: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "displayName": name,
        "description": name,
        "inputTokenLimit": window,
        "outputTokenLimit": out,
        "supportedGenerationMethods": list(methods),
        "temperature": 1,
        "maxTemperature": 2,
        "topP": 0.95,
        "topK": 64,
        "thinking": "gemma" not in name,
    }


MODELS = {
    "models": [
        _model("gemini-3.5-flash-lite", 1048576, 65536, "generateContent", "countTokens"),
        _model("gemini-3.8-flash", 1048576, 65536, "generateContent", "countTokens"),
        _model("gemini-2.5-flash", 1048576, 65536, "generateContent", "countTokens"),
        _model("gemma-4-31b-it", 262144, 32768, "generateContent", "countTokens"),
        _model("gemini-3.1-flash-tts", 8192, 16384, "generateContent", "countTokens"),
        _model("gemini-embedding-001", 2048, 1, "embedContent"),
    ]
}

GEMINI = Upstream(
    slug="gemini",
    caches_prompts=True,
    base_path="/v1beta",
    families=(
        GeminiSpeech(),  # of generateContent, what does not speak chats
        GeminiChat(streaming=False),
        GeminiChat(streaming=True),
        GeminiTokenCount(),
        GeminiEmbeddings(),
        ModelList(
            MODELS, key="models", page=page_tokens("models", "pageSize", "pageToken", "nextPageToken", 50)
        ),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(
        {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    ),
    checks={"chat": check_chat, "embeddings": check_gemini_embeddings, "speech": check_speech},
    key_of=google_key,
)
