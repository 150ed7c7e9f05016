"""What a client key has left, where it meets the attempts: how many tokens each reserves of it, and what a client is told.

The key's windows stand in the claim beside the provider's, so that one step of the store takes both or neither, and whatever ends the
attempt settles both. They have a metric of their own, for they hold what the usage event says and no more.
"""

from msgspec.structs import replace

from apps.clients import limits
from apps.clients.keys import Principal
from apps.clients.limits import Allowance, OverLimitError, RateLimit
from apps.clients.windows import CLIENT_TOKENS, token_windows
from apps.core.state.contract import Amounts, Claim, Refusal
from apps.gateway.attempts.unserved import whole_seconds
from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.types import Usage


def with_own_tokens(claim: Claim, principal: Principal, prompt_tokens: int) -> Claim:
    """The claim with the key's windows of tokens, if it has any. The answer's part is cut so that the whole fits the smallest of them: a
    cap of 32k must not bar a key of 6k a minute from short answers. Raises ApiError for a prompt that never fits."""
    own = token_windows(principal.windows) if principal.windows else ()
    if not own:
        return claim
    smallest = min(own, key=lambda window: window.limit)
    tokens = claim.amounts["tokens"]
    if min(prompt_tokens, tokens) > smallest.limit:
        raise bad_request(
            f"This request has about {prompt_tokens} tokens; this client key may use {smallest.limit} per {smallest.period}.",
            code="token_limit_exceeded",
        )
    subject = replace(claim.subject, windows=claim.subject.windows + own)
    return replace(
        claim, subject=subject, amounts={**claim.amounts, CLIENT_TOKENS: min(tokens, smallest.limit)}
    )


def own_tokens(claim: Claim, usage: Usage) -> Amounts:
    """What usage takes of the key's tokens, where the claim has any."""
    return {CLIENT_TOKENS: usage.total_tokens} if CLIENT_TOKENS in claim.amounts else {}


def refused(principal: Principal, refusal: Refusal, now: float) -> ApiError | None:
    """The error of a refusal by one of the key's own windows; None for any other one: the next candidate may do."""
    own = [window for window in principal.windows if window.key == refusal.window]
    return too_many(limits.over_limit(own, refusal, now)) if own else None


def too_many(error: OverLimitError) -> ApiError:
    """429 with Retry-After."""
    return ApiError(
        429,
        f"This client key may {'send' if error.what == 'requests' else 'use'} {error.window.limit} {error.what} per {error.window.period}.",
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(whole_seconds(error.retry_after_s))} | rate_headers(error.allowance),
    )


def rate_headers(allowance: Allowance) -> dict[str, str]:
    """The `x-ratelimit-*` headers; none for what is not limited."""
    return _headers("requests", allowance.requests) | _headers("tokens", allowance.tokens)


def _headers(what: str, rate: RateLimit) -> dict[str, str]:
    if not rate.limit:
        return {}
    return {
        f"x-ratelimit-limit-{what}": str(rate.limit),
        f"x-ratelimit-remaining-{what}": str(rate.remaining),
        f"x-ratelimit-reset-{what}": f"{rate.reset_s:.0f}s",
    }
