"""What a failed attempt closes, and for how long. Pure; the store keeps it, `errors.POLICY` decides what counts for the breaker."""

from typing import Final

from apps.core.state.contract import Block
from apps.core.state.periods import DAY_S, seconds
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.quotas import until_reset
from apps.providers.types import Offer

QUARANTINE_S: Final = 86_400.0
QUEUE_S: Final = 2.0
MAX_BLOCK_S: Final = 86_400.0


def blocks_after(error: UpstreamError, offer: Offer, now: float) -> tuple[Block, ...]:
    """What to close after `error`: the credential after a refused key, the spent quota's scope after a rate limit, else nothing."""
    subject = offer.subject
    match error.kind:
        case ErrorKind.AUTH:
            return (Block(subject.credential, now + QUARANTINE_S, "quarantine"),)
        case ErrorKind.RATE_LIMITED:
            scope = subject.credential if error.scope == "account" else subject.candidate
            return (Block(scope, _rate_limited_until(error, offer, now), "rate_limited"),)
        case _:
            return ()


def _rate_limited_until(error: UpstreamError, offer: Offer, now: float) -> float:
    """A spent day, week or month lasts until its reset, whatever short delay the upstream names (Gemini says 20 s for a spent day)."""
    asked = error.retry_after_s
    period = error.window
    if period is None:
        return now + min(asked if asked is not None else QUEUE_S, MAX_BLOCK_S)
    if seconds(period) >= DAY_S:
        return max(until_reset(period, offer.subject.windows, now), now + min(asked or 0.0, MAX_BLOCK_S))
    if asked is not None:
        return now + min(max(asked, 1.0), MAX_BLOCK_S)
    return until_reset(period, offer.subject.windows, now)
