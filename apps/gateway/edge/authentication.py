"""Who calls `/v1`: the client key of the Authorization header, and its rate limit. Before the body is read."""

from django.http import HttpRequest

from apps.clients import limits
from apps.clients.keys import InvalidKeyError, Principal, verify
from apps.clients.limits import OverLimitError, RateLimit
from apps.core import clock
from apps.gateway import runtime
from apps.gateway.attempts.unserved import whole_seconds
from apps.gateway.wire.errors import ApiError, unauthorized

MESSAGES = {
    "missing": "No client key. Send `Authorization: Bearer fai_…`.",
    "expired": "This client key has expired.",
    "revoked": "This client key was revoked.",
    "disabled": "This client key is disabled.",
}
WRONG = "The client key is not valid."


async def authenticate(request: HttpRequest) -> tuple[Principal, RateLimit]:
    """The key's principal and what is left of its rate limit. Raises ApiError 401, or 429 with Retry-After."""
    now = clock.now()
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        principal = verify(token.strip() if scheme.lower() == "bearer" else "", now)
    except InvalidKeyError as error:
        raise unauthorized(MESSAGES.get(error.reason, WRONG)) from None
    try:
        return principal, await limits.reserve(runtime.current().store, principal, now)
    except OverLimitError as error:
        raise ApiError(
            429,
            f"This client key may send {error.window.limit} {error.window.metric} per {error.window.period}.",
            type="rate_limit_error",
            code="rate_limit_exceeded",
            headers={"Retry-After": str(whole_seconds(error.retry_after_s))}
            | rate_headers(RateLimit(error.window.limit, 0, error.retry_after_s)),
        ) from None


def rate_headers(allowance: RateLimit) -> dict[str, str]:
    """The `x-ratelimit-*-requests` headers; none for an unlimited key."""
    if not allowance.limit:
        return {}
    return {
        "x-ratelimit-limit-requests": str(allowance.limit),
        "x-ratelimit-remaining-requests": str(allowance.remaining),
        "x-ratelimit-reset-requests": f"{allowance.reset_s:.0f}s",
    }
