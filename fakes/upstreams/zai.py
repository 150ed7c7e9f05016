"""Z.ai: codes in strings, one call at a time, narrow ranges."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import Fault, Problem, Refused

from .base import Upstream, error_event, models_document, names
from .openai_rules import Rules

_ROLES = names("system user assistant tool")
_MIN_TOP_P = 0.01
_FORMATS = (None, "text", "json_object")


def _coded(status: int, code: str, message: str) -> Problem:
    return Problem(status=status, code=code, message=message)


_FREQUENT = _coded(429, "1303", "Rate limit of frequency reached")

PROBLEMS = {
    Fault.BAD_REQUEST: _coded(400, "1210", "API call parameters are incorrect"),
    Fault.AUTH: _coded(401, "1000", "Authentication Failed"),
    Fault.PAYMENT: _coded(429, "1113", "Insufficient balance or no resource package. Please recharge."),
    Fault.FORBIDDEN: _coded(403, "1220", "You do not have permission to access {model}"),
    Fault.NOT_FOUND: _coded(400, "1211", "Unknown Model, please check the model code."),
    Fault.TOO_LARGE: _coded(400, "1261", "Prompt exceeds max length"),
    Fault.CONTEXT_LENGTH: _coded(400, "1261", "Prompt exceeds max length"),
    Fault.RATE_MINUTE: _FREQUENT,
    Fault.RATE_TOKENS: _FREQUENT,
    Fault.RATE_PLAIN: _FREQUENT,
    Fault.RATE_DAY: _coded(429, "1304", "Daily call limit for this API has been reached"),
    Fault.RATE_QUEUE: _coded(429, "1302", "Rate limit reached for requests"),
    Fault.OVERLOADED: _coded(
        429, "1305", "The service may be temporarily overloaded, please try again later"
    ),
    Fault.INTERNAL: _coded(500, "1234", "Network error"),
    Fault.UNSUPPORTED_PARAM: _coded(400, "1214", "stream_options: invalid parameter"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """A code in a string, and the message."""
    return {"error": {"code": problem.code or "1200", "message": problem.message}}


def check(asked: Asked) -> None:
    """Values outside of Z.ai's ranges. Raises Refused."""
    body = asked.body
    if (body.get("temperature") or 0) > 1:
        raise _invalid("temperature")
    if not _MIN_TOP_P <= body.get("top_p", 1) <= 1:
        raise _invalid("top_p")
    if "stop" in body and not (isinstance(body["stop"], list) and len(body["stop"]) == 1):
        raise _invalid("stop")
    if body.get("tool_choice") not in (None, "auto"):
        raise _invalid("tool_choice")
    if (body.get("response_format") or {}).get("type") not in _FORMATS:
        raise _invalid("response_format")
    for message in body["messages"]:
        if message.get("role") not in _ROLES:
            raise _invalid("messages")
    _RULES.check(body)


def _invalid(name: str) -> Refused:
    return Refused(_coded(400, "1214", f"{name}: invalid parameter"))


_RULES = Rules(refuse=lambda text, where: _invalid(where), strings=names("system assistant tool"))

MODELS = models_document(
    {"id": "glm-4.7-flash", "owned_by": "z-ai"},
    {"id": "glm-4.6v-flash", "owned_by": "z-ai"},
)

ZAI = Upstream(
    slug="zai",
    base_path="/api/paas/v4",
    families=(
        OpenAIChat(Dialect(usage_chunk="last", whole_tool_calls=True, extras={"request_id": "fake-request"})),
        ModelList(MODELS),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(shape(PROBLEMS[Fault.INTERNAL])),
    checks={"chat": check},
    max_concurrent=1,
)
