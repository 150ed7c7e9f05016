"""SambaNova: OpenAI's errors with a request id beside them, resets as epoch seconds."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.faults import DAY_S, MINUTE_S, Fault, Problem, wrapped_shape
from fakes.limits import Limits, Meter

from .base import Upstream, error_event, invalid, models_document, names
from .openai_rules import Rules


def _limited(span: str, **headers: str) -> Problem:
    named = {"x-ratelimit-" + name.replace("_", "-"): value for name, value in headers.items()}
    return Problem(
        status=429,
        message=f"Rate limit exceeded{span}",
        type="rate_limit_exceeded",
        code="rate_limit_exceeded",
        headers=named,
    )


PROBLEMS = {
    Fault.PAYMENT: Problem(
        status=402,
        message="A payment method is required to use this model.",
        type="payment_required",
        code="PAYMENT_METHOD_REQUIRED",
        extra={"balance_units": 0},
    ),
    Fault.RATE_MINUTE: _limited("", limit_requests="20", remaining_requests="0"),
    Fault.RATE_TOKENS: _limited(""),
    Fault.RATE_PLAIN: _limited(""),
    Fault.RATE_DAY: _limited("", limit_requests_day="20", remaining_requests_day="0"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """OpenAI's error object and the request's id."""
    return wrapped_shape(problem) | {"request_id": "fake-request"}


def headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """Requests of the minute and of the day; the resets are instants."""
    return {
        "x-ratelimit-limit-requests": str(meter.limits.requests_per_minute),
        "x-ratelimit-remaining-requests": str(meter.left_requests_minute),
        "x-ratelimit-reset-requests": str(int((now // MINUTE_S + 1) * MINUTE_S)),
        "x-ratelimit-limit-requests-day": str(meter.limits.requests_per_day),
        "x-ratelimit-remaining-requests-day": str(meter.left_requests_day),
        "x-ratelimit-reset-requests-day": str(int((now // DAY_S + 1) * DAY_S)),
    }


def check(asked: Asked) -> None:
    """What SambaNova does not do. Raises Refused."""
    body = asked.body
    if (body.get("top_p") or 0) > 1:
        text = (
            f"Decimal above maximum value. Expected a value between 0 and 1, but got {body['top_p']} instead."
        )
        raise invalid(text, param="top_p", code="decimal_above_max_value")
    if body.get("n") not in (None, 1):
        raise invalid("n is not supported", param="n", code="unsupported_parameter")
    for name in ("logit_bias", "logprobs"):
        if body.get(name):
            raise invalid(f"{name} is not supported", param=name, code="unsupported_parameter")
    _RULES.check(body)


_RULES = Rules(
    refuse=lambda text, where: invalid(text, param=where, code="invalid_value"),
    strings=names("system assistant tool"),
)

MODELS = models_document(
    {"id": "Meta-Llama-3.3-70B-Instruct", "owned_by": "no-reply@sambanova.ai"},
    {"id": "gpt-oss-120b", "owned_by": "no-reply@sambanova.ai"},
)
_USAGE = {
    "is_last_response": True,
    "time_to_first_token": 0.05,
    "total_latency": 0.2,
    "total_tokens_per_sec": 900.0,
}

SAMBANOVA = Upstream(
    slug="sambanova",
    base_path="/v1",
    families=(OpenAIChat(Dialect(usage_extras=_USAGE)), ModelList(MODELS)),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(shape(Problem(status=500, message="Internal error.", type="server_error"))),
    checks={"chat": check},
    headers=headers,
    limits=Limits(requests_per_minute=20, requests_per_day=20),
)
