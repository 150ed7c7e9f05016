"""One client request on its way: who asks, what for, by when."""

import time
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from apps.clients.keys import Principal
from apps.gateway.attempts.conversations import Turn
from apps.providers.tasks import Demand
from apps.strategies.ranking import Rules
from apps.strategies.resolver import Plan

D_co = TypeVar("D_co", bound=Demand, covariant=True)


class RequestIds(NamedTuple):
    """`own`: a UUIDv7 (hex) of the gateway's. `told`: what the client is told, its own where it sent one, which may repeat."""

    own: str
    told: str


class Call(Struct, Generic[D_co], frozen=True, kw_only=True):
    """A request that was authenticated, parsed and planned.

    `started` and `deadline` are on the event loop's clock (seconds), `now` is UTC epoch seconds at the start. `max_wait_s`: how long it
    may wait for quota. `turn`: of which conversation it is; None where it is of none, or such are not kept together.
    """

    ids: RequestIds
    principal: Principal
    demand: D_co
    plan: Plan
    rules: Rules
    now: float
    started: float
    deadline: float
    endpoint: str
    max_wait_s: float = 0.0
    turn: Turn | None = None

    def elapsed_ms(self) -> int:
        """Milliseconds since the request began; in any thread, since the loop's clock is the monotonic one."""
        return round((time.monotonic() - self.started) * 1000)
