"""What a failed attempt closes, and for how long. Pure; the store keeps it, `errors.POLICY` decides what counts for the breaker."""

from typing import Final, Literal

from msgspec import Struct

from apps.core.state.contract import Block, Reason, Window
from apps.core.state.keys import candidate_key, provider_key
from apps.core.state.periods import DAY_S, NOW, ONCE, SECOND, seconds
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.quotas import until_reset
from apps.providers.types import Offer

HOUR_S: Final = 3600.0
QUEUE_S: Final = 2.0
SPACING_S: Final = 0.5
MOST_UNNAMED_S: Final = HOUR_S
MAX_BLOCK_S: Final = 86_400.0
OK: Final = 200


class Closing(Struct, frozen=True):
    """What an error closes: a growing block (see `contract.Block`) of `first_s` seconds, `max_s` at the most. `why` and `remedy` are for
    people: they may name {provider}, {model}, {answer} (what the upstream answered with) and {own} (the credential's path in the API).
    """

    reason: Reason
    scope: Literal["model", "account", "provider"]
    first_s: float
    max_s: float
    why: str
    remedy: str


_ENDS_IT = "Store a new key with PATCH {own}, or test this one with POST {own}/test: either ends it at once."
_ASKED_AGAIN = "It is asked again at growing intervals, or at once after POST {own}/reset."
CLOSINGS: Final[dict[ErrorKind, Closing]] = {
    ErrorKind.AUTH: Closing(
        "quarantine",
        "account",
        MAX_BLOCK_S,
        MAX_BLOCK_S,
        "{provider} refused the key ({answer}).",
        f"{_ENDS_IT} Otherwise it is asked again in a day.",
    ),
    ErrorKind.PAYMENT_REQUIRED: Closing(
        "payment_required",
        "account",
        HOUR_S,
        MAX_BLOCK_S,
        "{provider} accepts the key, but wants to be paid for {model} ({answer}): the account needs credit.",
        f"Add credit or a payment method there. {_ENDS_IT} Otherwise it is asked again after an hour, then at growing intervals.",
    ),
    ErrorKind.UNSUPPORTED_REGION: Closing(
        "unsupported_region",
        "account",
        MAX_BLOCK_S,
        MAX_BLOCK_S,
        "{provider} does not serve the region that this server, or the account, is in ({answer}).",
        f"Reach it from a region that it serves, or use other providers. {_ENDS_IT} Otherwise it is asked again in a day.",
    ),
    ErrorKind.SERVICE_RETIRED: Closing(
        "service_retired",
        "provider",
        MAX_BLOCK_S,
        MAX_BLOCK_S,
        "{provider} says that its service has ended for good ({answer}).",
        "Use other providers; DELETE {own} forgets its key. It is asked again in a day.",
    ),
    ErrorKind.NOT_IN_PLAN: Closing(
        "not_in_plan",
        "model",
        HOUR_S,
        MAX_BLOCK_S,
        "The plan of this account at {provider} does not include {model} ({answer}).",
        f"Use another model, or change the plan there. {_ASKED_AGAIN}",
    ),
    ErrorKind.MODEL_GONE: Closing(
        "model_gone",
        "model",
        HOUR_S,
        MAX_BLOCK_S,
        "{provider} does not offer {model} to this key ({answer}).",
        _ASKED_AGAIN,
    ),
}
THROTTLED: Final = Closing(
    "throttled",
    "account",
    600.0,
    6 * HOUR_S,
    "{provider} has refused every request of this account as too many, for an hour and longer ({answer}): it may have no allowance there.",
    f"See the plan and its limits at the provider. {_ASKED_AGAIN}",
)


def blocks_after(
    error: UpstreamError, offer: Offer, now: float, *, jitter_s: float = 0.0
) -> tuple[Block, ...]:
    """What to close after `error`: what CLOSINGS says, the spent quota's scope after a rate limit, else nothing. `jitter_s`: how much
    longer than a wait that the upstream named, so that not everybody is back at once."""
    if closing := CLOSINGS.get(error.kind):
        return close(closing, error, offer, now)
    return (_limited(error, offer, now, jitter_s),) if error.kind is ErrorKind.RATE_LIMITED else ()


def windows_refused(error: UpstreamError, offer: Offer) -> tuple[str, ...]:
    """The keys of the windows that a rate limit may be of: those of the length that it names; where it names none, those of a second, or
    else all of a minute or an hour. Days are never suspected without a name."""
    if error.kind is not ErrorKind.RATE_LIMITED:
        return ()
    windows = offer.subject.windows
    if error.window is not None:
        return tuple(
            window.key
            for window in windows
            if window.period == error.window and error.metric in (None, window.metric)
        )
    spacing = tuple(window.key for window in windows if window.period == SECOND and window.limit)
    return spacing or tuple(window.key for window in windows if _is_short(window))


def _is_short(window: Window) -> bool:
    return window.period not in (ONCE, NOW) and seconds(window.period) <= HOUR_S


def _limited(error: UpstreamError, offer: Offer, now: float, jitter_s: float) -> Block:
    """A refusal that names neither window nor wait closes briefly at first, and longer each time that the next request is refused too."""
    subject = offer.subject
    scope = subject.credential if error.scope == "account" else subject.candidate
    if error.window in (None, SECOND) and not error.retry_after_s:
        is_spaced = any(window.period == SECOND and window.limit for window in subject.windows)
        first_s = SPACING_S if is_spaced else QUEUE_S
        return Block(scope, now + first_s + jitter_s, "rate_limited", since=now, max_s=MOST_UNNAMED_S)
    until = _rate_limited_until(error, offer, now)
    return Block(scope, until + jitter_s, "rate_limited", since=now)


def close(closing: Closing, error: UpstreamError, offer: Offer, now: float) -> tuple[Block, ...]:
    """The block that `closing` makes of `error`; none for a name of the client's own, which shares its key with all others (see
    `Catalogue.unlisted`)."""
    subject = offer.subject
    listed = subject.candidate == candidate_key(subject.credential, offer.model)
    # A closed account is the word of one model, where another may be free.
    witnesses = (subject.candidate,) if closing.reason == "payment_required" and listed else ()
    if closing.scope == "provider":
        scope = provider_key(offer.provider)
    elif closing.scope == "account" and not _is_of_one_model(closing, error):
        scope = subject.credential
    elif listed:
        scope, witnesses = subject.candidate, ()
    else:
        return ()
    until = now + closing.first_s
    return (
        Block(scope, until, closing.reason, _words(closing, error, offer), now, closing.max_s, witnesses),
    )


def _is_of_one_model(closing: Closing, error: UpstreamError) -> bool:
    """Whether the provider's own words say that one model has to be paid for."""
    return closing.reason == "payment_required" and error.scope == "model"


def _words(closing: Closing, error: UpstreamError, offer: Offer) -> str:
    """Why, and what to do about it. Nothing of the upstream's own words: they may repeat the prompt, and this goes into the log and onto
    the disk."""
    answer = "an error within an answer" if error.status in (None, OK) else f"status {error.status}"
    own = f"/api/me/providers/{offer.provider}"
    return f"{closing.why} {closing.remedy}".format(
        provider=offer.provider, model=offer.model, answer=answer, own=own
    )


def _rate_limited_until(error: UpstreamError, offer: Offer, now: float) -> float:
    """A spent day, week or month lasts until its reset, whatever short delay the upstream names (Gemini says 20 s for a spent day)."""
    asked = error.retry_after_s
    period = error.window
    if period is None:
        return now + min(asked or 0.0, MAX_BLOCK_S)
    if seconds(period) >= DAY_S:
        return max(until_reset(period, offer.subject.windows, now), now + min(asked or 0.0, MAX_BLOCK_S))
    if asked is not None:
        return now + min(max(asked, 1.0), MAX_BLOCK_S)
    return until_reset(period, offer.subject.windows, now)
