"""NVIDIA NIM: errors as RFC 7807 problems, vLLM's behind some models, no headers, one tool call at a time."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect
from fakes.families.images import Artifacts
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.families.rerank import RetrievalRerank
from fakes.faults import Fault, Problem, Refused

from .base import Upstream, error_event, models_document, names
from .image_rules import check_artifacts
from .openai_rules import Rules
from .rerank_rules import check_nvidia as check_rerank

_FIELDS = names(
    "model messages temperature top_p max_tokens stop seed stream stream_options frequency_penalty presence_penalty response_format"
    " tools tool_choice parallel_tool_calls n logprobs top_logprobs reasoning_effort chat_template_kwargs nvext guided_json top_k"
    " min_p repetition_penalty"
)
_ROLES = names("system user assistant tool")


def _problem(status: int, detail: str = "") -> Problem:
    return Problem(status=status, message=detail)


def _vllm(message: str) -> Refused:
    return Refused(Problem(status=400, message=message, type="BadRequestError", extra={"vllm": True}))


_SLOW_DOWN = _problem(429)

PROBLEMS = {
    Fault.BAD_REQUEST: _problem(400, "Invalid request body"),
    Fault.AUTH: _problem(403, "Authorization failed"),
    Fault.PAYMENT: _problem(402, "Your account has no credits left"),
    Fault.FORBIDDEN: _problem(403, "Authorization failed"),
    Fault.NOT_FOUND: _problem(404, "Function '1f2e': Not found for account 'fake'"),
    Fault.RATE_MINUTE: _SLOW_DOWN,
    Fault.RATE_TOKENS: _SLOW_DOWN,
    Fault.RATE_PLAIN: _SLOW_DOWN,
    Fault.RATE_QUEUE: _SLOW_DOWN,
    Fault.UNAVAILABLE: _problem(400, "Function id '1f2e': DEGRADED function cannot be invoked"),
    Fault.CONTEXT_LENGTH: _vllm("This model's maximum context length is 16384 tokens.").problem,
}


def shape(problem: Problem) -> dict[str, Any]:
    """A problem document; the flat error of the server behind where it comes from there."""
    if problem.extra.get("vllm"):
        return {
            "object": "error",
            "message": problem.message,
            "type": problem.type,
            "param": problem.param,
            "code": problem.status,
        }
    phrases = {status.value: status.phrase for status in HTTPStatus}
    document = {"status": problem.status, "title": phrases.get(problem.status, "Error")}
    return document | ({"detail": problem.message} if problem.message else {})


def check(asked: Asked) -> None:
    """Fields and roles that are refused. Raises Refused."""
    body = asked.body
    if body.get("parallel_tool_calls") is True:
        raise _vllm("This model only supports single tool-calls at once!")
    if body.get("n") not in (None, 1):
        raise _vllm("n must be 1")
    _RULES.check(body)
    for position, message in enumerate(body["messages"]):
        if message.get("role") not in _ROLES:
            raise _vllm(f"messages.{position}: unknown role")
        if message["role"] == "tool" and not isinstance(message.get("content"), str):
            raise _vllm(f"messages.{position}.content: Input should be a valid string")


_RULES = Rules(
    refuse=lambda text, where: _vllm(f"{where}: {text}"),
    fields=_FIELDS,
    strings=names("system assistant tool"),
    system_first=True,
    alternate=True,
)

MODELS = models_document(
    {"id": "openai/gpt-oss-120b", "owned_by": "openai"},
    {"id": "nvidia/nemotron-3-super-120b-a12b", "owned_by": "nvidia"},
)

NVIDIA = Upstream(
    slug="nvidia",
    base_path="/v1",
    families=(OpenAIChat(Dialect()), Artifacts(), RetrievalRerank(), ModelList(MODELS)),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(
        {"error": {"message": "Inference failed", "type": "InternalServerError", "code": 500}}
    ),
    checks={"chat": check, "rerank": check_rerank, "images": check_artifacts},
)
