"""What to do after a failed attempt: decided here, done elsewhere. Pure."""

from msgspec import Struct

from apps.providers.errors import POLICY, ErrorKind, UpstreamError

BACKOFF_BASE_S = 0.25
BACKOFF_MAX_S = 4.0
MAX_WAIT_IN_PLACE_S = 5.0


class Retry(Struct, frozen=True):
    """Call the same candidate again after `delay_s`."""

    delay_s: float


class Next(Struct, frozen=True):
    """Try the next candidate; with `min_context` set, only one whose context window is larger."""

    min_context: int = 0


class Stop(Struct, frozen=True):
    """No other candidate would answer differently, or none may be tried."""


Step = Retry | Next | Stop


class Budget(Struct, frozen=True):
    """What is left: retries of this candidate, seconds of the request; `retried` counts the retries done."""

    retries_left: int
    seconds_left: float
    retried: int = 0


def decide(
    error: UpstreamError, budget: Budget, *, context_window: int, fallback: bool, jitter: float
) -> Step:
    """The step after `error`. `jitter` is 0..1, the caller's randomness.

    A candidate that let the time run out is not asked again: the wait was long enough once.
    """
    if budget.seconds_left <= 0 or error.kind is ErrorKind.CANCELLED:
        return Stop()
    delay = _delay(error, budget.retried, jitter)
    if (
        POLICY[error.kind].retries
        and not error.timed_out
        and budget.retries_left > 0
        and delay is not None
        and delay < budget.seconds_left
    ):
        return Retry(delay)
    if not fallback or not error.falls_back:
        return Stop()
    return Next(context_window if error.kind is ErrorKind.CONTEXT_LENGTH else 0)


def _delay(error: UpstreamError, retried: int, jitter: float) -> float | None:
    """Exponential backoff with full jitter; at least what the upstream asked for; None if that is too long to wait in place."""
    asked = error.retry_after_s or 0.0
    if asked > MAX_WAIT_IN_PLACE_S:
        return None
    backoff = min(BACKOFF_BASE_S * float(1 << min(retried, 10)), BACKOFF_MAX_S)
    return max(asked, backoff * jitter)
