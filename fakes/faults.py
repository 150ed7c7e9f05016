"""The ways in which a fake provider refuses a request, before any provider gives them its own words.

`Fault` names what went wrong, `Problem` is the refusal itself, `GENERIC` holds the wording of OpenAI's API,
which a upstream (see `upstreams/`) replaces row by row where the real provider is known to say something
else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

MINUTE_S = 60
DAY_S = 86_400


class Fault(StrEnum):
    """A refusal that can be asked for; the value is the behaviour's name."""

    BAD_REQUEST = "error_400"
    AUTH = "error_401"
    PAYMENT = "error_402"
    FORBIDDEN = "error_403"
    REGION = "error_403_region"
    PLAN = "error_403_plan"
    NOT_FOUND = "error_404"
    GONE = "error_410"
    SERVICE_RETIRED = "error_410_service"
    TOO_LARGE = "error_413"
    UNPROCESSABLE = "error_422"
    RATE_MINUTE = "error_429_minute"
    RATE_TOKENS = "error_429_tokens"
    RATE_DAY = "error_429_day"
    RATE_PLAIN = "error_429_plain"
    RATE_QUEUE = "error_429_queue"
    CAPACITY = "error_498"
    INTERNAL = "error_500"
    BAD_GATEWAY = "error_502"
    UNAVAILABLE = "error_503"
    GATEWAY_TIMEOUT = "error_504"
    OVERLOADED = "error_529"
    CONTEXT_LENGTH = "context_length"
    UNSUPPORTED_PARAM = "unsupported_param"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal. `message`, `extra` and `headers` may hold the placeholders that `render_problem` fills."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Shape = Callable[[Problem], Any]


class Refused(Exception):  # noqa: N818  (it is an answer, not an error of the fake)
    """Raised by whatever reads or checks a request that the real provider would refuse."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def render_problem(problem: Problem, shape: Shape, *, model: str, now: float) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a refusal, with `{model}`, `{next_minute_ms}` and `{next_midnight_ms}` filled in.

    `now` is in epoch seconds; the two instants are epoch milliseconds (UTC), the form that OpenRouter uses.
    """
    values = {
        "{model}": orjson.dumps(model).decode()[1:-1],
        "{next_minute_ms}": str(int((now // MINUTE_S + 1) * MINUTE_S * 1000)),
        "{next_midnight_ms}": str(int((now // DAY_S + 1) * DAY_S * 1000)),
    }
    body = orjson.dumps(shape(problem)).decode()
    headers = dict(problem.headers)
    for placeholder, value in values.items():
        body = body.replace(placeholder, value)
        headers = {name: text.replace(placeholder, value) for name, text in headers.items()}
    return body.encode(), headers


GENERIC: dict[Fault, Problem] = {
    Fault.BAD_REQUEST: Problem(
        status=400,
        message="Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        code="empty_array",
        param="messages",
    ),
    Fault.AUTH: Problem(status=401, message="Incorrect API key provided.", code="invalid_api_key"),
    Fault.PAYMENT: Problem(
        status=402, message="Insufficient balance.", type="insufficient_quota", code="insufficient_balance"
    ),
    Fault.FORBIDDEN: Problem(
        status=403, message="You have no access to this resource.", type="permission_error", code="forbidden"
    ),
    Fault.NOT_FOUND: Problem(
        status=404,
        message="The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    ),
    Fault.REGION: Problem(
        status=403,
        message="Country, region, or territory not supported",
        type="request_forbidden",
        code="unsupported_country_region_territory",
    ),
    Fault.PLAN: Problem(
        status=403,
        message="The model `{model}` is not available on your plan. Upgrade your plan to use it.",
        type="permission_error",
    ),
    Fault.GONE: Problem(status=410, message="The model `{model}` has reached its end of life."),
    Fault.SERVICE_RETIRED: Problem(status=410, message="This service has been retired."),
    Fault.TOO_LARGE: Problem(status=413, message="Request too large.", code="request_too_large"),
    Fault.UNPROCESSABLE: Problem(
        status=422, message="The request was well-formed but could not be processed.", code="unprocessable"
    ),
    Fault.RATE_MINUTE: Problem(
        status=429,
        message="Rate limit reached for {model} in organization org-x on requests per min (RPM): "
        "Limit 3, Used 3, Requested 1. Please try again in 20s.",
        type="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": "20", "retry-after-ms": "20000"},
    ),
    Fault.RATE_TOKENS: Problem(
        status=429,
        message="Rate limit reached for {model} in organization org-x on tokens per min (TPM): "
        "Limit 6000, Used 5900, Requested 400. Please try again in 3s.",
        type="tokens",
        code="rate_limit_exceeded",
        headers={"retry-after": "3"},
    ),
    Fault.RATE_DAY: Problem(
        status=429,
        message="Rate limit reached for {model} in organization org-x on requests per day (RPD): "
        "Limit 200, Used 200, Requested 1. Please try again in 7m12s.",
        type="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": "432"},
    ),
    Fault.RATE_PLAIN: Problem(
        status=429, message="Too many requests.", type="rate_limit_error", code="rate_limit_exceeded"
    ),
    Fault.RATE_QUEUE: Problem(
        status=429, message="Too many concurrent requests.", type="rate_limit_error", code="concurrency_limit"
    ),
    Fault.CAPACITY: Problem(
        status=498, message="Capacity exceeded.", type="capacity_exceeded", code="capacity_exceeded"
    ),
    Fault.INTERNAL: Problem(
        status=500, message="The server had an error while processing your request.", type="server_error"
    ),
    Fault.BAD_GATEWAY: Problem(status=502, message="Bad gateway.", type="server_error"),
    Fault.UNAVAILABLE: Problem(
        status=503, message="The engine is currently overloaded.", type="server_error", code="overloaded"
    ),
    Fault.GATEWAY_TIMEOUT: Problem(status=504, message="Gateway timeout.", type="server_error"),
    Fault.OVERLOADED: Problem(
        status=529, message="Overloaded.", type="overloaded_error", code="overloaded_error"
    ),
    Fault.CONTEXT_LENGTH: Problem(
        status=400,
        message="This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "10004 "
        "tokens. Please reduce the length of the messages.",
        code="context_length_exceeded",
        param="messages",
    ),
    Fault.UNSUPPORTED_PARAM: Problem(
        status=400,
        message="Unsupported parameter: 'stream_options' is not supported with this model.",
        code="unsupported_parameter",
        param="stream_options",
    ),
}


def wrapped_shape(problem: Problem) -> dict[str, Any]:
    """OpenAI's error object: `{"error": {message, type, param, code}}`."""
    return {"error": flat_shape(problem)}


def flat_shape(problem: Problem) -> dict[str, Any]:
    """The same without its wrapping."""
    return {
        "message": problem.message,
        "type": problem.type,
        "param": problem.param,
        "code": problem.code,
        **problem.extra,
    }
