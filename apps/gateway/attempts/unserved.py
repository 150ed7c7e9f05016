"""A request that nobody serves: from what went wrong to the one error that its client sees. Pure."""

import math
import re
from collections.abc import Sequence

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.gateway.wire.errors import ApiError
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.tasks import TASKS
from apps.providers.types import Offer
from apps.strategies.ranking import Excluded

QUOTA_REASONS = frozenset({"quota", "rate_limited"})
SAYS_LENGTH = "maximum context length is "
IDENTIFIER = re.compile(r"[\w.\[\]-]{1,200}")
BAD_REQUEST, NOT_FOUND = 400, 404
CLIENT_STATUSES = frozenset({BAD_REQUEST, NOT_FOUND, 413, 422})


class FailedAttempt(Struct, frozen=True):
    """An attempt that failed, and why."""

    offer: Offer
    error: UpstreamError


def exhausted(failed: Sequence[FailedAttempt], waiting: Sequence[Excluded], now: float) -> ApiError:
    """No candidate answered. `waiting` are those that could not be tried now. At least one of both is given."""
    if not failed:
        return _nothing_to_try(waiting, now)
    last = failed[-1]
    kinds = {attempt.error.kind for attempt in failed}
    extra = {"provider": last.offer.provider, "kind": str(last.error.kind), "attempts": _attempts(failed)}
    message = f"{last.offer.provider}: {last.error.message}"
    param = TASKS[last.offer.task].prompt_field
    if last.error.kind is ErrorKind.CLIENT_ERROR:
        code, field = _identifier(last.error.code, last.offer), _identifier(last.error.param, last.offer)
        return ApiError(_client_status(last), message, param=field, code=code, extra=extra)
    if last.error.kind is ErrorKind.CONTEXT_LENGTH:
        if SAYS_LENGTH in message:
            return ApiError(400, message, param=param, code="context_length_exceeded", extra=extra)
        largest = max(attempt.offer.context_window for attempt in failed)
        return _too_long(largest, f" ({message})", param, extra)
    if kinds == {ErrorKind.CONTENT_FILTERED}:
        return ApiError(400, message, param=param, code="content_filter", extra=extra)
    if kinds == {ErrorKind.RATE_LIMITED}:
        return _out_of_quota(message, _retry_after(failed, waiting, now), extra)
    if kinds == {ErrorKind.NETWORK}:
        message = f"No provider answered. Last: {message}"
        return ApiError(504, message, type="api_error", code="upstream_timeout", extra=extra)
    message = f"Every provider failed. Last: {message}"
    return ApiError(502, message, type="api_error", code="upstream_failed", extra=extra)


def _identifier(text: str | None, offer: Offer) -> str | None:
    """An upstream's `code` or `param` as it may be shown; None for prose, which may repeat anything, the key included."""
    if text is None or not IDENTIFIER.fullmatch(text):
        return None
    return scrub(text, offer.api_key)


def _client_status(last: FailedAttempt) -> int:
    """The upstream's status where clients know it. A 404 speaks of the model: where names are open, one that is not known upstream
    is the request's fault."""
    status = last.error.status
    if status not in CLIENT_STATUSES or (status == NOT_FOUND and TASKS[last.offer.task].has_open_names):
        return BAD_REQUEST
    return status


def incapable(
    excluded: Sequence[Excluded], prompt_tokens: int, able_elsewhere: Sequence[str] = ()
) -> ApiError:
    """No candidate can answer such a request, whatever the time. `able_elsewhere`: models that do all that is needed, of providers for
    which there may be no key."""
    details = sorted({item.detail for item in excluded})
    param = TASKS[excluded[0].offer.task].prompt_field if excluded else None
    if excluded and all(item.reason == "context_window" for item in excluded):
        largest = max(item.offer.context_window for item in excluded)
        return _too_long(largest, f" However, your messages resulted in about {prompt_tokens} tokens.", param)
    lacking = "; ".join(details[:5])
    if excluded and all(item.reason == "too_large" for item in excluded):
        return ApiError(413, f"The file is too large: {lacking}.", param=param, code="request_too_large")
    remedy = f" Models that can: {', '.join(able_elsewhere[:5])}." if able_elsewhere else ""
    return ApiError(
        400, f"No available provider can answer this request: {lacking}.{remedy}", code="no_capable_provider"
    )


def _too_long(window: int, detail: str, param: str | None, extra: JSONObject | None = None) -> ApiError:
    """In OpenAI's words, by which libraries and agents know when to shorten a conversation. `window` 0: nobody knows."""
    length = f"is {window} tokens" if window else "was exceeded"
    message = (
        f"This model's maximum context length {length}.{detail} Please reduce the length of the messages."
    )
    return ApiError(400, message, param=param, code="context_length_exceeded", extra=extra)


def _nothing_to_try(waiting: Sequence[Excluded], now: float) -> ApiError:
    wait = _retry_after((), waiting, now)
    reasons = {item.reason for item in waiting}
    who = ", ".join(sorted({f"{item.offer.provider} ({item.reason})" for item in waiting})[:10])
    if reasons & QUOTA_REASONS:
        return _out_of_quota(f"Every candidate is out of quota for now: {who}.", wait, {})
    if reasons == {"requirement"}:
        return ApiError(
            400,
            "No candidate meets the strategy's requirements.",
            code="no_capable_provider",
            param="strategy",
        )
    return ApiError(
        503,
        f"No healthy candidate: {who}.",
        type="api_error",
        code="no_healthy_provider",
        headers={"Retry-After": str(wait)},
    )


def _out_of_quota(message: str, retry_after_s: int, extra: JSONObject) -> ApiError:
    return ApiError(
        429,
        message,
        type="rate_limit_error",
        code="quota_exhausted",
        headers={"Retry-After": str(retry_after_s)},
        extra=extra,
    )


def _retry_after(failed: Sequence[FailedAttempt], waiting: Sequence[Excluded], now: float) -> int:
    """Whole seconds until the first candidate may be tried again, at least 1."""
    times = [item.retry_at - now for item in waiting if item.retry_at > now]
    times += [attempt.error.retry_after_s for attempt in failed if attempt.error.retry_after_s]
    return max(1, math.ceil(min(times, default=60.0)))


def _attempts(failed: Sequence[FailedAttempt]) -> list[JSONObject]:
    return [
        {
            "provider": attempt.offer.provider,
            "model": attempt.offer.model,
            "kind": str(attempt.error.kind),
            "status": attempt.error.status,
            "message": attempt.error.message,
        }
        for attempt in failed
    ]
