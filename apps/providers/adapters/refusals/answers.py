"""Classifying errors by code and status first, by documented text only where no code exists."""

from typing import Any

from apps.core.redaction import scrub
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer

from .details import Details, read_payload
from .meanings import (
    ACCOUNT_DAY,
    AUTH,
    BUSY,
    CODES,
    FAILED,
    LIMIT_CODES,
    LIMIT_TEXTS,
    NOT_HERE,
    OVERLOADED,
    PAYMENT_TEXTS,
    PER_MINUTE,
    REFUSAL_TEXTS,
    REFUSED,
    Finding,
    first_match,
)
from .waits import retry_after_s

OK, UNAUTHORIZED, PAYMENT_REQUIRED, FORBIDDEN, NOT_FOUND = 200, 401, 402, 403, 404
TIMEOUT, TOO_LARGE, TOO_MANY, GATEWAY_TIMEOUT = 408, 413, 429, 504
CAPACITY = 498  # Groq's flex tier, in the range of client errors
SERVER_ERRORS = 500
# Where no text says otherwise. Another candidate has other routes, methods, models and size limits; a
# conflict is this one's own.
BY_STATUS: dict[int, Finding] = {
    UNAUTHORIZED: AUTH,
    FORBIDDEN: AUTH,
    CAPACITY: FAILED,
    TIMEOUT: FAILED,
    **dict.fromkeys((NOT_FOUND, 405, 406, 409, 410, TOO_LARGE, 415, 426), NOT_HERE),
}


def frame_error(payload: dict[str, Any], offer: Offer) -> UpstreamError:
    """The error in `payload`, which came with status 200: the upstream's failure, unless it says by a code or
    status that it is another kind. Having been accepted, the request is not at fault, so a client error is
    this candidate's own."""
    details = read_payload(payload)
    finding = classify(details.status or SERVER_ERRORS, details)
    if finding.kind is ErrorKind.CLIENT_ERROR:
        finding = NOT_HERE
    return upstream_error(finding, details, offer, OK, retry_after_s({}, details))


def classify(status: int, details: Details, hints: str = "") -> Finding:
    """What an error means. A 413 is about size whatever its code says: Groq calls it a rate limit."""
    text = f"{hints} {details.hints} {details.message}"
    found = next((CODES[signal] for signal in details.signals if signal in CODES), None)
    if found is not None:
        return BUSY if found is OVERLOADED and status == TOO_MANY else found
    if status == TOO_MANY or (status != TOO_LARGE and not LIMIT_CODES.isdisjoint(details.signals)):
        return first_match(LIMIT_TEXTS, text, PER_MINUTE)
    if status == PAYMENT_REQUIRED:
        return first_match(PAYMENT_TEXTS, text, ACCOUNT_DAY)
    if status >= SERVER_ERRORS:
        return FAILED
    return first_match(REFUSAL_TEXTS.get(status, ()), text, BY_STATUS.get(status, REFUSED))


def upstream_error(
    finding: Finding, details: Details, offer: Offer, status: int, retry_after: float | None
) -> UpstreamError:
    """The error that says `finding`; `retry_after` in seconds. Its message is without the offer's key."""
    message = scrub(details.message, offer.api_key) or f"the upstream answered with status {status}"
    return UpstreamError(
        finding.kind,
        message,
        status=status,
        retry_after_s=retry_after,
        window=finding.window,
        scope=finding.scope,
        candidate_only=finding.candidate_only,
        timed_out=status in (TIMEOUT, GATEWAY_TIMEOUT),
        param=details.param,
        code=details.code or None,
    )
