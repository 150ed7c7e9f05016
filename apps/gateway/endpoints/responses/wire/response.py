"""The response object: how it begins, and how it ends. And its usage, and its error."""

from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.gateway.wire.errors import ApiError, sentence, words_in_stream
from apps.providers.types import Usage

CUT: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Finish reasons of answers that are not whole -> OpenAI's word for why."""
STOPPING: Final = frozenset({"context_length_exceeded", "insufficient_quota"})
"""Codes at which Codex ends a turn with words of its own (0.171)."""
TOO_MANY, SERVER_ERROR = 429, 500
RETRY_AFTER: Final = "Retry-After"


def beginning(members: JSONObject) -> JSONObject:
    """The object before anything is said. `members`: id, model, FreeAI's own, and what it repeats of the request."""
    return {
        "object": "response",
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        **members,
        "output": [],
        "usage": None,
    }


def ended(begun: JSONObject, output: list[JSONObject], finish: Any, usage: Usage) -> JSONObject:
    """The whole object."""
    reason = CUT.get(finish)
    return begun | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": usage_of(usage),
    }


def failed(begun: JSONObject, output: list[JSONObject], error: ApiError) -> JSONObject:
    """The object of an answer that broke off."""
    return begun | {"status": "failed", "error": error_of(error), "output": output}


def error_of(error: ApiError) -> JSONObject:
    """OpenAI's error of a response, with FreeAI's own members. Agents go by its code, and by "try again in N s"."""
    if error.code in STOPPING:
        code = error.code
    elif error.status == TOO_MANY:
        code = "rate_limit_exceeded"
    else:
        code = "server_error" if error.status >= SERVER_ERROR else "invalid_prompt"
    message = error.message
    if wait := error.headers.get(RETRY_AFTER):
        message = f"{sentence(message)} Please try again in {wait}s.".lstrip()
    return {**error.extra, "code": code, "message": words_in_stream(error, message)}


def usage_of(usage: Usage) -> JSONObject:
    """OpenAI's usage object; `estimated` only where it is."""
    told: JSONObject = {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
    if usage.estimated:
        told["estimated"] = True
    return told


def logprobs_of(choice: JSONObject) -> list[Any]:
    """Those of a choice's text, in chat's own shape, which is this API's too."""
    told = choice.get("logprobs")
    listed = told.get("content") if isinstance(told, dict) else None
    return listed if isinstance(listed, list) else []
