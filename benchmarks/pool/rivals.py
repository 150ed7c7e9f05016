"""What the gateway is compared with: schedulers without a memory of quotas, and the reference, which knows them all."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final, Protocol

from benchmarks.pool.demand import Request
from benchmarks.pool.network import Network
from benchmarks.pool.world import Upstream, World

TRIES: Final = 5
Place = tuple[Upstream, str]


class Policy(Protocol):
    """Who serves requests."""

    async def serve(self, request: Request) -> bool:
        """Whether it was answered."""
        ...


class InTurn:
    """Round robin: the next model that can, and after a refusal the one after it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._places = places(network.world)
        self._next = count()

    async def serve(self, request: Request) -> bool:
        able = [(upstream, model) for upstream, model in self._places if request.fits(upstream.models[model])]
        return await _try(self._network, request, [able[next(self._next) % len(able)] for _ in range(TRIES)])


class ByPriority:
    """Always the same order."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._places = places(network.world)

    async def serve(self, request: Request) -> bool:
        able = [(upstream, model) for upstream, model in self._places if request.fits(upstream.models[model])]
        return await _try(self._network, request, able[:TRIES])


Order = Callable[[Place, float], float]
"""What comes first has the least. The time is that of the upstream's own clock: its counters must not be asked about the future."""


class Reference:
    """Knows what is true, and its calls take no time: takes the first place in its order that has room."""

    def __init__(self, network: Network, order: Order) -> None:
        self._network = network
        self._order = order
        self._places = places(network.world)

    async def serve(self, request: Request) -> bool:
        now = self._network.time.now()
        able = [(upstream, model) for upstream, model in self._places if request.fits(upstream.models[model])]
        for upstream, model in sorted(able, key=lambda place: self._order(place, now + place[0].skew_s)):
            if self._network.decide(upstream, model, request).status == 200:
                return True
        return False


def least_capable_first(place: Place, now: float) -> float:
    """Spares what can do more for those who need it."""
    upstream, model = place
    entry = upstream.models[model]
    return len(entry.capabilities) * 1e9 + entry.context_window


def fullest_first(place: Place, now: float) -> float:
    """Drains evenly: first whose tightest window has the largest share left."""
    upstream, model = place
    return -upstream.quotas.share_left(model, now)


def most_left_first(place: Place, now: float) -> float:
    """Spares the small: first who has the most requests left."""
    upstream, model = place
    return -upstream.quotas.requests_left(model, now)


ORDERS: Final = (least_capable_first, fullest_first, most_left_first)


def places(world: World) -> list[Place]:
    """Every model of every account."""
    return [(upstream, model) for upstream in world.upstreams.values() for model in upstream.models]


async def _try(network: Network, request: Request, order: Sequence[Place]) -> bool:
    for upstream, model in order:
        if (await network.call(upstream.name, model, request)).status == 200:
            return True
    await asyncio.sleep(0)
    return False
