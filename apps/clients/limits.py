"""The limits of a client key: how much it may ask for, in one call of the state store."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from apps.clients.keys import Principal
from apps.core.state.contract import Amounts, Refusal, StateStore, Window
from apps.core.state.periods import bounds, seconds

REQUESTS: Final = "requests"
ONE_REQUEST: Final[Amounts] = {REQUESTS: 1}


class RateLimit(Struct, frozen=True):
    """For the `x-ratelimit-*-requests` headers: `remaining` of `limit`; all are free again in `reset_s`."""

    limit: int
    remaining: int
    reset_s: float


UNLIMITED = RateLimit(limit=0, remaining=0, reset_s=0.0)


class OverLimitError(Exception):
    """`window` of the key is used up. A request may pass again after `retry_after_s` seconds."""

    def __init__(self, window: Window, retry_after_s: float) -> None:
        super().__init__(f"{window.limit} {window.metric} per {window.period} used up")
        self.window = window
        self.retry_after_s = retry_after_s


async def reserve(store: StateStore, principal: Principal, now: float) -> RateLimit:
    """Take one request from the key's windows; UNLIMITED (limit 0) when it has none. Raises OverLimitError.

    A request that was let in stays counted however it ends; one that was refused took nothing.
    """
    windows = principal.windows
    if not windows:
        return UNLIMITED
    used = await store.take(windows, ONE_REQUEST, now)
    if isinstance(used, Refusal):
        full = next(window for window in windows if window.key == used.window)
        raise OverLimitError(full, max(used.retry_at - now, 0.0))
    return _tightest(zip(windows, used, strict=True), now)


def _tightest(counted: Iterable[tuple[Window, int]], now: float) -> RateLimit:
    """The window of requests of which the least is left; of two, the one that is free again later."""
    limits = [
        RateLimit(window.limit, max(window.limit - used, 0), _reset_s(window, now))
        for window, used in counted
        if window.metric == REQUESTS
    ]
    return min(limits, key=lambda one: (one.remaining, -one.reset_s), default=UNLIMITED)


def _reset_s(window: Window, now: float) -> float:
    """Until everything is free again, if nothing more is sent."""
    return (
        float(seconds(window.period)) if window.rolling else bounds(window.period, window.zone, now)[1] - now
    )
