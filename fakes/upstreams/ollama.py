"""Ollama, on one's own machine and in its cloud: images inline, whole tool calls, errors of its own making."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakes.answers import Asked
from fakes.families.base import Call
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import Fault, Problem, wrapped_shape

from .base import Upstream, bearer_key, error_event, invalid, models_document, names
from .openai_rules import Rules

_BUSY = Problem(
    status=503,
    message="server busy, please try again. maximum pending requests exceeded",
    type="api_error",
)
_MISSING = Problem(
    status=404, message='model "{model}" not found, try pulling it first', type="not_found_error"
)


def _plain(status: int, message: str) -> Problem:
    return Problem(status=status, message=message, extra={"plain": True})


_WEEK = _plain(429, "you have reached your weekly usage limit, upgrade for higher limits")
_SESSION = _plain(429, "you have reached your session usage limit, upgrade for higher limits")

PROBLEMS = {
    Fault.NOT_FOUND: _MISSING,
    Fault.UNAVAILABLE: _BUSY,
    Fault.INTERNAL: Problem(status=500, message="model runner has unexpectedly stopped", type="api_error"),
    Fault.UNPROCESSABLE: Problem(status=400, message='"{model}" does not support tools'),
}
CLOUD_PROBLEMS = PROBLEMS | {
    Fault.AUTH: _plain(401, "unauthorized"),
    Fault.FORBIDDEN: _plain(403, "this model requires a subscription, upgrade for access"),
    Fault.PLAN: _plain(403, "this model requires a subscription, upgrade for access"),
    Fault.RATE_MINUTE: _SESSION,
    Fault.RATE_TOKENS: _SESSION,
    Fault.RATE_PLAIN: _SESSION,
    Fault.RATE_DAY: _WEEK,
    Fault.RATE_QUEUE: _plain(429, "too many concurrent requests"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """A string from the cloud's door, an object from the API behind it."""
    return {"error": problem.message} if problem.extra.get("plain") else wrapped_shape(problem)


def check(asked: Asked) -> None:
    """Raises Refused for an image that would have to be fetched, and for arguments that it cannot parse."""
    _RULES.check(asked.body)
    for message in asked.body["messages"]:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            image = part.get("image_url") or {}
            url = image.get("url", "") if isinstance(image, dict) else image
            if part.get("type") == "image_url" and not url.startswith("data:"):
                raise invalid("invalid image input")


_RULES = Rules(refuse=lambda text, where: invalid(f"{where}: {text}"), nulls=True, strings=names("tool"))


def any_key(call: Call) -> str:
    """Nobody looks at the key."""
    return "any"


DIALECT = Dialect(
    reasoning=Reasoning.REASONING, whole_tool_calls=True, extras={"system_fingerprint": "fp_ollama"}
)


def _upstream(slug: str, problems: dict[Fault, Problem], key_of: Callable[[Call], str | None]) -> Upstream:
    models = models_document(
        {"id": "gpt-oss:20b", "owned_by": "library"}, {"id": "gemma4:31b", "owned_by": "library"}
    )
    return Upstream(
        slug=slug,
        base_path="/v1",
        families=(OpenAIChat(DIALECT), ModelList(models)),
        shape=shape,
        problems=problems,
        stream_error=error_event(wrapped_shape(PROBLEMS[Fault.INTERNAL])),
        checks={"chat": check},
        key_of=key_of,
    )


OLLAMA = _upstream("ollama", PROBLEMS, any_key)
OLLAMA_CLOUD = _upstream("ollama_cloud", CLOUD_PROBLEMS, bearer_key)
