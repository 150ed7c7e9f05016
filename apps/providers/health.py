"""What a failed attempt closes, and for how long. Pure; the store keeps it, `errors.POLICY` decides what counts for the breaker."""

from datetime import UTC, datetime
from typing import Final

from apps.core.state.contract import Block
from apps.core.state.keys import candidate_key
from apps.core.state.periods import DAY_S, seconds
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.quotas import until_reset
from apps.providers.types import Offer

QUARANTINE_S: Final = 86_400.0
GONE_S: Final = 3600.0
MAX_GONE_S: Final = 86_400.0
QUEUE_S: Final = 2.0
MAX_BLOCK_S: Final = 86_400.0
OK: Final = 200


def blocks_after(error: UpstreamError, offer: Offer, now: float) -> tuple[Block, ...]:
    """What to close after `error`: the credential after a refused key, the model that is gone for it, the spent quota's scope after a
    rate limit, else nothing."""
    subject = offer.subject
    match error.kind:
        case ErrorKind.AUTH:
            until = now + QUARANTINE_S
            return (Block(subject.credential, until, "quarantine", _refused_key(error, offer, until), now),)
        case ErrorKind.MODEL_GONE:
            if subject.candidate != candidate_key(subject.credential, offer.model):
                return ()  # a name of the client's own, which shares its key with all others: see `Catalogue.unlisted`
            detail = f"{offer.provider} does not offer {offer.model} to this key ({_answer(error)}). It is asked again later."
            return (Block(subject.candidate, now + GONE_S, "model_gone", detail, now, MAX_GONE_S),)
        case ErrorKind.RATE_LIMITED:
            scope = subject.credential if error.scope == "account" else subject.candidate
            return (Block(scope, _rate_limited_until(error, offer, now), "rate_limited", since=now),)
        case _:
            return ()


def _refused_key(error: UpstreamError, offer: Offer, until: float) -> str:
    """Why, and what to do about it."""
    own = f"/api/me/providers/{offer.provider}"
    again = f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"{offer.provider} refused the key ({_answer(error)}). Store a new key with PATCH {own}, or test this one with POST {own}/test: "
        f"either ends it at once. Otherwise it is asked again at {again}."
    )


def _answer(error: UpstreamError) -> str:
    """Nothing of the upstream's own words: they may repeat the prompt, and this goes into the log and onto the disk."""
    return "an error within an answer" if error.status in (None, OK) else f"status {error.status}"


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
