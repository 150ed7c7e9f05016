"""One client request on its way: who asks, what for, by when."""

from msgspec import Struct

from apps.clients.keys import Principal
from apps.providers.types import ChatRequest
from apps.strategies.ranking import Rules
from apps.strategies.resolver import Plan


class Call(Struct, frozen=True, kw_only=True):
    """A request that was authenticated, parsed and planned.

    `started` and `deadline` are on the event loop's clock (seconds), `now` is UTC epoch seconds at the start.
    """

    request_id: str
    principal: Principal
    chat: ChatRequest
    plan: Plan
    rules: Rules
    now: float
    started: float
    deadline: float
    endpoint: str = "chat"
