"""The limits of a client key: how much it may ask for.

Requests are taken in one call of the state store, before the body is read. Tokens are not known then: each attempt reserves in its claim
what it may come to, beside the provider's own quota, and is settled with what it came to. Here is only looked whether any are left.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from apps.clients.keys import Principal
from apps.clients.windows import CLIENT_TOKENS, REQUESTS, WORDS
from apps.core.state.contract import Amounts, Refusal, StateStore, Window
from apps.core.state.keys import Metric
from apps.core.state.periods import bounds, seconds

ONE_REQUEST: Final[Amounts] = {REQUESTS: 1}
ADMISSION: Final[Amounts] = {REQUESTS: 1, CLIENT_TOKENS: 0}
"""Nothing of the tokens: a window that is used up by more than its limit refuses that too."""


class RateLimit(Struct, frozen=True):
    """For the `x-ratelimit-*` headers: `remaining` of `limit`; all are free again in `reset_s`."""

    limit: int
    remaining: int
    reset_s: float


UNLIMITED = RateLimit(limit=0, remaining=0, reset_s=0.0)


class Allowance(Struct, frozen=True):
    """What is left of a key's requests, this one taken, and of its tokens as this one came."""

    requests: RateLimit = UNLIMITED
    tokens: RateLimit = UNLIMITED


NO_LIMITS = Allowance()


class OverLimitError(Exception):
    """`window` of the key is used up. A request may pass again after `retry_after_s` seconds."""

    def __init__(self, window: Window, retry_after_s: float) -> None:
        super().__init__(f"{window.limit} {self.words(window)} per {window.period} used up")
        self.window = window
        self.retry_after_s = retry_after_s

    @property
    def what(self) -> str:
        """Of what there are no more, in a word for people."""
        return self.words(self.window)

    @property
    def allowance(self) -> Allowance:
        """For the headers of the refusal."""
        used_up = RateLimit(self.window.limit, 0, self.retry_after_s)
        return Allowance(used_up) if self.window.metric == REQUESTS else Allowance(tokens=used_up)

    @staticmethod
    def words(window: Window) -> str:
        return WORDS.get(window.metric, window.metric)


async def reserve(store: StateStore, principal: Principal, now: float) -> Allowance:
    """Take one request from the key's windows; NO_LIMITS when it has none. Raises OverLimitError.

    A request that was let in stays counted however it ends; one that was refused here took nothing.
    """
    windows = principal.windows
    if not windows:
        return NO_LIMITS
    used = await store.take(windows, ADMISSION, now)
    if isinstance(used, Refusal):
        raise over_limit(windows, used, now)
    counted = tuple(zip(windows, used, strict=True))
    return Allowance(_tightest(counted, REQUESTS, now), _tightest(counted, CLIENT_TOKENS, now))


def over_limit(windows: Iterable[Window], refusal: Refusal, now: float) -> OverLimitError:
    """The refusal of one of these windows."""
    full = next(window for window in windows if window.key == refusal.window)
    return OverLimitError(full, max(refusal.retry_at - now, 0.0))


def _tightest(counted: Iterable[tuple[Window, int]], metric: Metric, now: float) -> RateLimit:
    """The window of the metric of which the least is left; of two, the one that is free again later."""
    limits = [
        RateLimit(window.limit, max(window.limit - used, 0), _reset_s(window, now))
        for window, used in counted
        if window.metric == metric
    ]
    return min(limits, key=lambda one: (one.remaining, -one.reset_s), default=UNLIMITED)


def _reset_s(window: Window, now: float) -> float:
    """Until everything is free again, if nothing more is sent."""
    return (
        float(seconds(window.period))
        if window.kind != "fixed"
        else bounds(window.period, window.zone, now)[1] - now
    )
