"""Together: OpenAI's errors with an id beside them, logprobs as a number."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.images import Images
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import Fault, Problem, wrapped_shape
from fakes.limits import Meter

from .base import Upstream, error_event, invalid, names
from .image_rules import check_together as check_images
from .openai_rules import Rules

_MINUTE = Problem(
    status=429,
    message="You have reached the rate limit specific to this model {model}. The maximum rate limit for this model is 6.0 "
    "queries per minute.",
    type="model_rate_limit",
    headers={"x-ratelimit-limit": "6", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"},
)

PROBLEMS = {
    Fault.AUTH: Problem(
        status=401,
        message="Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.",
        code="invalid_api_key",
    ),
    Fault.PAYMENT: Problem(status=402, message="Credit limit exceeded.", type="credit_limit"),
    Fault.NOT_FOUND: Problem(
        status=404, message="Unable to access model {model}.", code="model_not_available"
    ),
    Fault.RATE_MINUTE: _MINUTE,
    Fault.RATE_TOKENS: _MINUTE,
    Fault.RATE_PLAIN: _MINUTE,
    Fault.UNPROCESSABLE: Problem(
        status=422,
        message="Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens",
    ),
    Fault.CONTEXT_LENGTH: Problem(
        status=422,
        message="Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens",
    ),
    Fault.UNAVAILABLE: Problem(
        status=503, message="The server is overloaded or not ready yet.", type="service_unavailable"
    ),
}


def shape(problem: Problem) -> dict[str, Any]:
    """OpenAI's error object and the request's id."""
    return {"id": "fake-request"} | wrapped_shape(problem)


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """Requests and tokens, with the seconds to their reset."""
    return {
        "x-ratelimit-limit": str(meter.limits.requests_per_minute),
        "x-ratelimit-remaining": str(meter.left_requests_minute),
        "x-ratelimit-reset": "1",
        "x-tokenlimit-limit": str(meter.limits.tokens_per_minute),
        "x-tokenlimit-remaining": str(meter.left_tokens_minute),
    }


def check(asked: Asked) -> None:
    """Raises Refused for OpenAI's form of logprobs."""
    if isinstance(asked.body.get("logprobs"), bool):
        raise invalid("logprobs: Expected number, received boolean", param="logprobs")
    _RULES.check(asked.body)


_RULES = Rules(refuse=lambda text, where: invalid(text, param=where), strings=names("tool"))


def _model(name: str, kind: str, window: int, price_in: float, price_out: float) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "type": kind,
        "running": False,
        "display_name": name,
        "organization": "Fake",
        "context_length": window,
        "pricing": {"hourly": 0, "input": price_in, "output": price_out, "base": 0, "finetune": 0},
    }


# A bare array.
MODELS = [
    _model("meta-llama/Llama-3.3-70B-Instruct-Turbo-Free", "chat", 131_072, 0, 0),
    _model("openai/gpt-oss-120b", "chat", 131_072, 0.15, 0.6),
    _model("black-forest-labs/FLUX.1-schnell", "image", 0, 0, 0),
    _model("BAAI/bge-base-en-v1.5", "embedding", 512, 0.01, 0),
]

TOGETHER = Upstream(
    slug="together",
    base_path="/v1",
    families=(
        OpenAIChat(Dialect(reasoning=Reasoning.REASONING, usage_chunk="last")),
        Images(("base64", "url")),
        ModelList(MODELS, key=""),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(
        shape(Problem(status=500, message="Internal server error", type="server_error"))
    ),
    checks={"chat": check, "images": check_images},
    headers=headers,
)
