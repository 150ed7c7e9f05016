"""What the refusals of an account prove together that none of them does alone: since its last success, of all that was asked.

Pure but for its memory; `now` is an argument, UTC epoch seconds.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, field

from apps.core.state.contract import Block, Reason
from apps.core.state.keys import belongs, candidate_key
from apps.core.state.periods import seconds
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.health import CLOSINGS, THROTTLED, Closing, close
from apps.providers.types import Offer

GONE: Final = 410
HOUR_S: Final = 3600.0
MINUTE_S: Final = 60.0
MOST_ACCOUNTS: Final = 10_000
MINUTES_REFUSED: Final = 10
FEWEST_MODELS: Final = 2

Models = Callable[[], frozenset[str]]


class _Streak(Struct):
    """Refusals of one kind: since when, in how many minutes, and of which models."""

    since: float
    counted_at: float
    minutes: int = 1
    models: set[str] = field(default_factory=set)


class Streaks:
    """By account, from its first such refusal to its next success. The oldest make room for new ones."""

    def __init__(self) -> None:
        self._limited: dict[str, _Streak] = {}
        self._gone: dict[str, _Streak] = {}

    def succeeded(self, credential: str) -> None:
        """The account has answered."""
        if self._limited:
            self._limited.pop(credential, None)
        if self._gone:
            self._gone.pop(credential, None)

    def forget(self, owner: str) -> None:
        """What was refused before counts no more, of the account or of all of a provider: see `keys.belongs`."""
        for streaks in (self._limited, self._gone):
            for credential in [one for one in streaks if belongs(one, owner)]:
                del streaks[credential]

    def failed(
        self,
        error: UpstreamError,
        offer: Offer,
        *,
        tries: Reason | None,
        models: Models,
        now: float,
    ) -> tuple[Block, ...]:
        """What `error` closes beyond `blocks_after`. `tries`: the reason of what the attempt was the trial of; `models`: those that the
        account has for the task. One that nobody lists any more proves nothing of them."""
        proof = self._proof(error, offer, tries, models, now)
        return () if proof is None else close(proof, error, offer, now)

    def _proof(
        self, error: UpstreamError, offer: Offer, tries: Reason | None, models: Models, now: float
    ) -> Closing | None:
        """Every model gone with the status that says "for good" is a service that ended. Nothing but short limits for an hour are no
        limits: those would give way now and then."""
        if error.kind is ErrorKind.MODEL_GONE and error.status == GONE:
            streak = _noted(self._gone, offer, now)
            if len(streak.models) >= FEWEST_MODELS and _are_all(streak, models()):
                return CLOSINGS[ErrorKind.SERVICE_RETIRED]
        if error.kind is ErrorKind.RATE_LIMITED and _is_short(error):
            streak = _noted(self._limited, offer, now)
            lasts = streak.minutes >= MINUTES_REFUSED and now - streak.since >= HOUR_S
            all_of_it = error.scope == "account" or (lasts and _are_all(streak, models()))
            if tries == THROTTLED.reason or (lasts and all_of_it):
                return THROTTLED
        return None


def _are_all(streak: _Streak, models: frozenset[str]) -> bool:
    return bool(models) and models <= streak.models


def _is_short(error: UpstreamError) -> bool:
    return error.window is None or seconds(error.window) <= MINUTE_S


def _noted(streaks: dict[str, _Streak], offer: Offer, now: float) -> _Streak:
    """The account's streak, with this refusal: one a minute counts, since many at once say no more."""
    subject = offer.subject
    streak = streaks.get(subject.credential)
    if streak is None:
        if len(streaks) >= MOST_ACCOUNTS:
            del streaks[next(iter(streaks))]
        streak = streaks[subject.credential] = _Streak(now, now)
    elif not 0 <= now - streak.counted_at < MINUTE_S:
        streak.minutes += 1
        streak.counted_at = now
    if subject.candidate == candidate_key(subject.credential, offer.model):
        streak.models.add(offer.model)
    return streak
