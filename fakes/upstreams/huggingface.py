"""Hugging Face's router: errors are a string or an object, the quota is money, the list is public."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.base import Listing
from fakes.families.dialect import Dialect
from fakes.families.embeddings import FeatureExtraction
from fakes.families.images import RawImages
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.families.rerank import EmbeddingServerRerank
from fakes.families.transcriptions import SpeechRecognition
from fakes.faults import Fault, Problem, wrapped_shape

from .base import Upstream, error_event, invalid, names
from .image_rules import check_raw
from .openai_rules import Rules
from .rerank_rules import check_embedding_server

_SPENT = (
    "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get "
    "20x more "
    "monthly included credits."
)


def _plain(status: int, message: str, **headers: str) -> Problem:
    return Problem(status=status, message=message, extra={"plain": True}, headers=headers)


PROBLEMS = {
    Fault.AUTH: _plain(401, "Invalid username or password."),
    Fault.PAYMENT: _plain(402, _SPENT, **{"x-error-message": _SPENT}),
    Fault.FORBIDDEN: _plain(
        403, "This authentication method does not have sufficient permissions to call Inference Providers"
    ),
    Fault.NOT_FOUND: Problem(
        status=400,
        message="The requested model '{model}' does not exist",
        param="model",
        code="model_not_found",
    ),
    Fault.RATE_PLAIN: _plain(429, "Too Many Requests"),
    Fault.INTERNAL: _plain(500, "Internal Server Error"),
    Fault.UNAVAILABLE: _plain(503, "Service Unavailable"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """The router's own errors are a string, those of the backend behind it an object."""
    return {"error": problem.message} if problem.extra.get("plain") else wrapped_shape(problem)


def _model(name: str, window: int, price_in: float, price_out: float) -> dict[str, Any]:
    provider = {
        "provider": "novita",
        "status": "live",
        "context_length": window,
        "pricing": {"input": price_in, "output": price_out},
        "supports_tools": True,
        "supports_structured_output": False,
        "first_token_latency_ms": 500,
        "throughput": 80,
    }
    return {
        "id": name,
        "object": "model",
        "created": 1_740_000_000,
        "owned_by": name.partition("/")[0],
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "providers": [provider],
    }


_FIELDS = names(
    "model messages frequency_penalty presence_penalty logprobs top_logprobs max_tokens reasoning_effort response_format seed stop"
    " stream stream_options temperature top_p tools tool_choice tool_prompt parallel_tool_calls n"
)
# The backend behind the router refuses what it would refuse of anybody.
_RULES = Rules(
    refuse=lambda text, where: invalid(text, param=where),
    fields=_FIELDS,
    strings=names("system assistant tool"),
    system_first=True,
    alternate=True,
)


def check(asked: Asked) -> None:
    """Raises Refused for what the strictest of the backends refuses."""
    _RULES.check(asked.body)


MODELS = {
    "object": "list",
    "data": [
        _model("openai/gpt-oss-120b", 131072, 0.25, 0.69),
        _model("meta-llama/Llama-3.3-70B-Instruct", 131072, 0.59, 0.79),
    ],
}

WHOAMI = {"type": "user", "name": "fake", "isPro": False, "auth": {"type": "access_token"}}

HUGGINGFACE = Upstream(
    slug="huggingface",
    base_path="/v1",
    families=(
        OpenAIChat(Dialect()),
        FeatureExtraction(),
        RawImages(),
        SpeechRecognition(),
        EmbeddingServerRerank(),
        ModelList(MODELS, public=True),
        Listing("key", "/whoami-v2", WHOAMI),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event({"error": {"message": "Backend failed", "type": "server_error"}}),
    checks={"chat": check, "rerank": check_embedding_server, "images": check_raw},
)
