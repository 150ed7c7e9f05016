"""Servers on one's own machine that speak OpenAI's dialect: LM Studio, vLLM, llama.cpp."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import Fault, Problem

from .base import Upstream, error_event, invalid, models_document, names, optional_key
from .openai_rules import Rules


def _typed(status: int, kind: str, message: str, **extra: Any) -> Problem:
    return Problem(status=status, type=kind, message=message, extra=extra)


def lmstudio_shape(problem: Problem) -> dict[str, Any]:
    """A string."""
    return {"error": problem.message}


# Gemma's and Mistral's chat templates: they render text, and insist on the order of roles.
_TEMPLATED = Rules(
    refuse=lambda text, where: invalid(f"Error rendering prompt with jinja template: {where}: {text}"),
    strings=names("system assistant tool"),
    system_first=True,
    alternate=True,
)
# vLLM parses arguments, and its schema is OpenAI's with fields of its own.
_VLLM = Rules(
    refuse=lambda text, where: invalid(f"{where}: {text}"),
    strings=names("tool"),
    system_first=True,
    alternate=True,
)


def check_templated(asked: Asked) -> None:
    """Raises Refused for what a chat template refuses."""
    _TEMPLATED.check(asked.body)


def check_vllm(asked: Asked) -> None:
    """Raises Refused for what vLLM's schema or the model's chat template refuses."""
    _VLLM.check(asked.body)


def check_lmstudio(asked: Asked) -> None:
    """Raises Refused for JSON without a schema, and for what the model's chat template refuses."""
    _TEMPLATED.check(asked.body)
    if (asked.body.get("response_format") or {}).get("type") == "json_object":
        raise invalid("'response_format.type' must be 'json_schema' or 'text'")


LMSTUDIO = Upstream(
    slug="lmstudio",
    base_path="/v1",
    families=(
        OpenAIChat(Dialect()),
        ModelList(models_document({"id": "qwen3-8b", "owned_by": "organization_owner"})),
    ),
    shape=lmstudio_shape,
    problems={Fault.NOT_FOUND: Problem(status=404, message="No models loaded. Please load a model first.")},
    stream_error=error_event({"error": {"message": "The model has crashed."}}, name="error"),
    checks={"chat": check_lmstudio},
    key_of=optional_key,
)

VLLM_PROBLEMS = {
    Fault.AUTH: _typed(401, "", "Unauthorized", plain=True),
    Fault.NOT_FOUND: _typed(404, "NotFoundError", "The model `{model}` does not exist."),
    Fault.BAD_REQUEST: _typed(400, "BadRequestError", "messages: at least one is needed"),
    Fault.CONTEXT_LENGTH: _typed(
        400,
        "BadRequestError",
        "You passed 1015 input tokens and requested 10 output tokens. However, the model's context length is only 1024 "
        "tokens, resulting in a maximum input length of 1014 tokens. Please reduce the length of the input prompt.",
    ),
    Fault.UNSUPPORTED_PARAM: _typed(
        400,
        "BadRequestError",
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ),
    Fault.INTERNAL: _typed(500, "InternalServerError", "EngineCore encountered an issue"),
}


def vllm_shape(problem: Problem) -> dict[str, Any]:
    """The status as a number in `code`; a string from the check of the key."""
    if problem.extra.get("plain"):
        return {"error": problem.message}
    return {
        "error": {
            "message": problem.message,
            "type": problem.type,
            "param": problem.param,
            "code": problem.status,
        }
    }


VLLM = Upstream(
    slug="vllm",
    base_path="/v1",
    families=(
        OpenAIChat(Dialect(reasoning=Reasoning.REASONING)),
        ModelList(models_document({"id": "served-model", "max_model_len": 32_768})),
    ),
    shape=vllm_shape,
    problems=VLLM_PROBLEMS,
    stream_error=error_event(vllm_shape(VLLM_PROBLEMS[Fault.INTERNAL])),
    checks={"chat": check_vllm},
    key_of=optional_key,
)

LLAMACPP_PROBLEMS = {
    Fault.AUTH: _typed(401, "authentication_error", "Invalid API Key"),
    Fault.FORBIDDEN: _typed(403, "permission_error", "Forbidden"),
    Fault.NOT_FOUND: _typed(404, "not_found_error", "File Not Found"),
    Fault.CONTEXT_LENGTH: _typed(
        400,
        "exceed_context_size_error",
        "the request exceeds the available context size. try increasing the context size or enable context shift",
        n_prompt_tokens=1407,
        n_ctx=256,
    ),
    Fault.UNSUPPORTED_PARAM: _typed(
        501, "not_supported_error", "This server does not support tools. Start it with `--jinja`"
    ),
    Fault.INTERNAL: _typed(500, "server_error", "slot unavailable"),
    Fault.UNAVAILABLE: _typed(503, "unavailable_error", "Loading model"),
}


def llamacpp_shape(problem: Problem) -> dict[str, Any]:
    """The status as a number in `code`, before the message."""
    return {
        "error": {"code": problem.status, "message": problem.message, "type": problem.type, **problem.extra}
    }


LLAMACPP = Upstream(
    slug="llamacpp",
    base_path="/v1",
    families=(
        OpenAIChat(Dialect(extras={"timings": {"prompt_n": 8, "predicted_n": 16}})),
        ModelList(models_document({"id": "model.gguf", "owned_by": "llamacpp"})),
    ),
    shape=llamacpp_shape,
    problems=LLAMACPP_PROBLEMS,
    stream_error=error_event(llamacpp_shape(LLAMACPP_PROBLEMS[Fault.INTERNAL])),
    checks={"chat": check_templated},
    key_of=optional_key,
)
