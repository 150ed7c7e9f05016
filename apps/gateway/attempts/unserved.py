"""A request that nobody serves: from what went wrong to the one error that its client sees. Pure."""

import math
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.gateway.wire.errors import ApiError
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.tasks import TASKS
from apps.providers.types import Offer
from apps.strategies.ranking import Excluded

TOO_LONG_REASONS = frozenset({"context_window", "token_window"})
QUOTA_REASONS = frozenset({"quota", "rate_limited", "throttled"})
SAYS_LENGTH = "maximum context length is "
IDENTIFIER = re.compile(r"[\w.\[\]-]{1,200}")
BAD_REQUEST, NOT_FOUND = 400, 404
CLIENT_STATUSES = frozenset({BAD_REQUEST, NOT_FOUND, 413, 422})
REDIRECTS = range(300, 400)
# What no later try of the client's would change: where all attempts ended so, the first refusal is what the client can act upon.
CLOSED = frozenset({ErrorKind.PAYMENT_REQUIRED, ErrorKind.UNSUPPORTED_REGION, ErrorKind.SERVICE_RETIRED})
ABOUT_MODEL = frozenset({ErrorKind.MODEL_GONE, ErrorKind.NOT_IN_PLAN})
SETTLED = frozenset({ErrorKind.REFUSED, ErrorKind.AUTH, *CLOSED, *ABOUT_MODEL})
DEFAULT_RETRY_S = 60.0
MOST_ADVICE = 3
# A wait that is longer than that by a clock's last bit is not a second longer.
ROUNDING_S = 1e-6


class FailedAttempt(Struct, frozen=True):
    """An attempt that failed, and why. `retry_at`: until when that closed its candidate, 0.0 if it did not. `advice`: what to do about
    it."""

    offer: Offer
    error: UpstreamError
    retry_at: float = 0.0
    advice: str = ""


def exhausted(
    failed: Sequence[FailedAttempt],
    waiting: Sequence[Excluded],
    now: float,
    *,
    names_model: bool = True,
    left_out: str = "",
    jitter_s: float = 0.0,
) -> ApiError:
    """No candidate answered. `waiting` are those that could not be tried now. At least one of both is given.

    `names_model`: the client asked for a model of a provider by its name, so that it may be told that there is none. `left_out`: a
    sentence on what was not asked at all. `jitter_s`: how much later than at the first moment the client is told to come back.
    """
    now -= jitter_s  # so much farther away is what frees then
    if not failed:
        return _nothing_to_try(waiting, now, names_model=names_model, left_out=left_out)
    last = failed[-1]
    kinds = {attempt.error.kind for attempt in failed}
    if last.error.kind is ErrorKind.CLIENT_ERROR:
        return _refused(last, failed)
    if kinds <= SETTLED and (refusal := _first_refusal(failed, names_model=names_model)):
        return _refused(refusal, failed)
    extra = _extra(last, failed)
    message = f"{last.offer.provider}: {last.error.message}"
    param = TASKS[last.offer.task].prompt_field
    if last.error.kind is ErrorKind.CONTEXT_LENGTH:
        if SAYS_LENGTH in message:
            return ApiError(400, message, param=param, code="context_length_exceeded", extra=extra)
        largest = max(attempt.offer.context_window for attempt in failed)
        return _too_long(largest, f" ({message})", param, extra)
    if kinds == {ErrorKind.CONTENT_FILTERED} or _is_final(last):
        code = TASKS[last.offer.task].filter_code
        return ApiError(400, message, param=param, code=code, extra=extra)
    if kinds == {ErrorKind.RATE_LIMITED}:
        return _out_of_quota(message, _retry_after(failed, waiting, now), extra)
    if kinds == {ErrorKind.NETWORK}:
        message = f"No provider answered. Last: {message}"
        return ApiError(504, message, type="api_error", code="upstream_timeout", extra=extra)
    advice = _advice(attempt.advice for attempt in failed)
    if kinds <= CLOSED | ABOUT_MODEL:
        why = _models_gone(failed) if kinds <= ABOUT_MODEL else f"No provider serves this. Last: {message}"
        return _closed(f"{why} {advice}".strip() + left_out, failed, waiting, now, extra)
    message = f"Every provider failed. Last: {message} {advice}".strip() + left_out
    return ApiError(502, message, type="api_error", code="upstream_failed", extra=extra)


def _is_final(last: FailedAttempt) -> bool:
    return last.error.kind is ErrorKind.CONTENT_FILTERED and TASKS[last.offer.task].filter_is_final


def _first_refusal(failed: Sequence[FailedAttempt], *, names_model: bool) -> FailedAttempt | None:
    """The first that says something of the request. A redirect does not, nor does a model that the client never named."""
    for attempt in failed:
        if attempt.error.status in REDIRECTS:
            continue
        if attempt.error.kind is ErrorKind.REFUSED or (attempt.error.kind in ABOUT_MODEL and names_model):
            return attempt
    return None


def _refused(refusal: FailedAttempt, failed: Sequence[FailedAttempt]) -> ApiError:
    """The upstream's no, as the client's own."""
    error, offer = refusal.error, refusal.offer
    return ApiError(
        _client_status(refusal),
        f"{offer.provider}: {error.message}",
        param=_identifier(error.param, offer),
        code=_identifier(error.code, offer),
        extra=_extra(refusal, failed),
    )


def _extra(shown: FailedAttempt, failed: Sequence[FailedAttempt]) -> JSONObject:
    """FreeAI's own members of the error object."""
    return {
        "provider": shown.offer.provider,
        "kind": str(shown.error.kind),
        "attempts": _attempts(failed),
    }


def _identifier(text: str | None, offer: Offer) -> str | None:
    """An upstream's `code` or `param` as it may be shown; None for prose, which may repeat anything, the key included."""
    if text is None or not IDENTIFIER.fullmatch(text):
        return None
    return scrub(text, offer.api_key)


def _client_status(refusal: FailedAttempt) -> int:
    """The upstream's status where clients know it. A 404 speaks of the model: where names are open, one that is not known upstream
    is the request's fault."""
    status = refusal.error.status
    if status not in CLIENT_STATUSES or (status == NOT_FOUND and TASKS[refusal.offer.task].has_open_names):
        return BAD_REQUEST
    return status


def incapable(
    excluded: Sequence[Excluded], prompt_tokens: int, able_elsewhere: Sequence[str] = ()
) -> ApiError:
    """No candidate can answer such a request, whatever the time. `able_elsewhere`: models that do all that is needed, of providers for
    which there may be no key."""
    details = sorted({item.detail for item in excluded})
    param = TASKS[excluded[0].offer.task].prompt_field if excluded else None
    if is_too_long(excluded):
        return _fits_nowhere(excluded, prompt_tokens)
    lacking = "; ".join(details[:5])
    if excluded and all(item.reason == "too_large" for item in excluded):
        return ApiError(413, f"The file is too large: {lacking}.", param=param, code="request_too_large")
    remedy = f" Models that can: {', '.join(able_elsewhere[:5])}." if able_elsewhere else ""
    return ApiError(
        400, f"No available provider can answer this request: {lacking}.{remedy}", code="no_capable_provider"
    )


def is_too_long(excluded: Sequence[Excluded]) -> bool:
    """Whether nothing but the prompt's length was in the way of any of them."""
    return bool(excluded) and all(item.reason in TOO_LONG_REASONS for item in excluded)


def _fits_nowhere(excluded: Sequence[Excluded], prompt_tokens: int) -> ApiError:
    """All of them are too small for the prompt: it is told how much the largest holds."""
    largest = max(
        item.offer.token_window if item.reason == "token_window" else item.offer.context_window
        for item in excluded
    )
    task = TASKS[excluded[0].offer.task]
    param = task.prompt_field
    if not task.has_context:
        return ApiError(
            413, f"The file is too large: {excluded[0].detail}.", param=param, code="request_too_large"
        )
    return _too_long(largest, f" However, your messages resulted in about {prompt_tokens} tokens.", param)


def _too_long(window: int, detail: str, param: str | None, extra: JSONObject | None = None) -> ApiError:
    """In OpenAI's words, by which libraries and agents know when to shorten a conversation. `window` 0: nobody knows."""
    length = f"is {window} tokens" if window else "was exceeded"
    message = (
        f"This model's maximum context length {length}.{detail} Please reduce the length of the messages."
    )
    return ApiError(400, message, param=param, code="context_length_exceeded", extra=extra)


def _models_gone(failed: Sequence[FailedAttempt]) -> str:
    """All that was left is not there any more: nothing that the client named, so it is told what would help."""
    gone = ", ".join(
        dict.fromkeys(f"{attempt.offer.provider}/{attempt.offer.model}" for attempt in failed[:10])
    )
    return (
        f"None of the models that were left to ask is there any more: {gone}. Add the key of another provider with"
        " PATCH /api/me/providers/{name}."
    )


def _nothing_to_try(waiting: Sequence[Excluded], now: float, *, names_model: bool, left_out: str) -> ApiError:
    wait = _retry_after((), waiting, now)
    reasons = {item.reason for item in waiting}
    who = ", ".join(sorted({f"{item.offer.provider} ({item.reason})" for item in waiting})[:10])
    why = _advice(item.advice for item in waiting)
    if reasons & QUOTA_REASONS:
        message = f"Every candidate is out of quota for now: {who}. {why}".strip() + left_out
        return _out_of_quota(message, wait, {})
    if reasons <= ABOUT_MODEL and names_model:
        return ApiError(
            NOT_FOUND, why, code="model_not_found", param="model", headers={"Retry-After": str(wait)}
        )
    if reasons == {"requirement"}:
        return ApiError(
            400,
            "No candidate meets the strategy's requirements.",
            code="no_capable_provider",
            param="strategy",
        )
    return _closed(f"No healthy candidate: {who}. {why}".strip() + left_out, (), waiting, now)


def _closed(
    message: str,
    failed: Sequence[FailedAttempt],
    waiting: Sequence[Excluded],
    now: float,
    extra: JSONObject | None = None,
) -> ApiError:
    """All that could serve is closed, as `message` says."""
    wait = str(_retry_after(failed, waiting, now))
    return ApiError(
        503, message, type="api_error", code="no_healthy_provider", headers={"Retry-After": wait}, extra=extra
    )


def _advice(said: Iterable[str]) -> str:
    """What closed candidates, and what to do about it: each thing once, and no more than a person reads."""
    return " ".join(list(dict.fromkeys(filter(None, said)))[:MOST_ADVICE])


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
    times = [item.retry_at for item in waiting] + [attempt.retry_at for attempt in failed]
    return whole_seconds(min((at - now for at in times if at > now), default=DEFAULT_RETRY_S))


def whole_seconds(wait_s: float) -> int:
    """`Retry-After` for a wait: a retry at exactly that time succeeds. At least 1."""
    return max(1, math.ceil(wait_s - ROUNDING_S))


def _attempts(failed: Sequence[FailedAttempt]) -> list[JSONObject]:
    return [
        {
            "provider": attempt.offer.provider,
            "model": attempt.offer.model,
            "kind": str(attempt.error.kind),
            "status": attempt.error.status,
            "message": attempt.error.message,
            **({"advice": attempt.advice} if attempt.advice else {}),
        }
        for attempt in failed
    ]
