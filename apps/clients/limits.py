"""The requests-per-minute limit of a client key."""

from msgspec import Struct

from apps.clients.keys import Principal
from apps.core.ids import uuid7
from apps.core.state.contract import BreakerPolicy, Claim, Completion, Refusal, StateStore, Subject
from apps.core.state.keys import client_key
from apps.core.state.periods import seconds

SPENT = Completion(health="neutral")
NO_BREAKER = BreakerPolicy()  # neutral completions never reach it


class RateLimit(Struct, frozen=True):
    """For the `x-ratelimit-*-requests` headers: `remaining` of `limit`; all are free again in `reset_s`."""

    limit: int
    remaining: int
    reset_s: float


UNLIMITED = RateLimit(limit=0, remaining=0, reset_s=0.0)


class OverLimitError(Exception):
    """The key's limit is used up. A request may pass again after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float, limit: int) -> None:
        super().__init__(f"{limit} requests per minute used up")
        self.retry_after_s = retry_after_s
        self.limit = limit


async def reserve(store: StateStore, principal: Principal, now: float) -> RateLimit:
    """Take one request from the key's limit; UNLIMITED (limit 0) when it has none. Raises OverLimitError.

    A request that was let in stays counted however it ends: its grant is completed here at once.
    """
    window = principal.window
    if window is None:
        return UNLIMITED
    account = client_key(principal.user_id, principal.client_id)
    subject = Subject(credential=account, candidate=account, windows=(window,))
    grant = await store.acquire(Claim(uuid7(), subject, {"requests": 1}), now)
    if isinstance(grant, Refusal):
        raise OverLimitError(max(grant.retry_at - now, 0.0), window.limit)
    await store.complete(grant, SPENT, NO_BREAKER, now)
    (standing,) = await store.view((subject,), now)
    remaining = max(window.limit - standing.used[0], 0)
    return RateLimit(limit=window.limit, remaining=remaining, reset_s=float(seconds(window.period)))
