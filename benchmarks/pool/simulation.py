"""One run: a world, a policy, and what came of it."""

import asyncio
import random
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from benchmarks.pool import rivals
from benchmarks.pool.demand import KINDS, Request, requests
from benchmarks.pool.network import Network
from benchmarks.pool.rivals import Policy
from benchmarks.pool.virtual import VirtualTime, run
from benchmarks.pool.world import EPOCH, Scenario, make_world

POLICIES: Final = ("freeai", "round_robin", "priority", "reference")
PATIENCE_S: Final = 120.0


class Result(Struct, frozen=True):
    """What one policy made of one world. `missed`: failed while somebody would have taken the request, for half a second already and
    beside what was on its way there; `missed_at_once`: at that very moment. `small`: how
    many requests of all client keys but the first were answered."""

    policy: str
    offered: int
    served: int
    missed: int
    missed_at_once: int
    calls: int
    refused: int
    not_found: int
    small: float = 1.0

    @property
    def refusals(self) -> float:
        """The share of upstream calls that ended in 429."""
        return self.refused / max(1, self.calls)

    @property
    def success_while_left(self) -> float:
        """Of the requests that somebody would have taken, how many were answered."""
        return self.served / max(1, self.served + self.missed)

    @property
    def success_at_once(self) -> float:
        """The same, where a slot counts as left from the very moment at which it is free."""
        return self.served / max(1, self.served + self.missed_at_once)


def simulate(scenario: Scenario, seed: int, policy: str, gateways: int = 1) -> Result:
    """Run it. `policy` is one of POLICIES; the reference is the best of its orders. `gateways`: processes of FreeAI."""
    if policy == "reference":
        results = [_simulate(scenario, seed, policy, order) for order in rivals.ORDERS]
        return max(results, key=lambda result: result.served)
    return _simulate(scenario, seed, policy, gateways=gateways)


def capacity_per_s(scenario: Scenario, seed: int) -> float:
    """Requests a second that the pool admits of the usual mix, on average over the run, when everybody asks all the time."""
    world = make_world(scenario, seed)
    time = VirtualTime(EPOCH)
    network = Network(world, time)
    mix = list(_mix())
    served = turn = 0
    for second in range(scenario.minutes * 60):
        time.elapsed = float(second)
        for upstream, model in rivals.places(world):
            while True:
                request = mix[turn % len(mix)]
                turn += 1
                if not request.fits(upstream.models[model]):
                    break
                if network.decide(upstream, model, request).status != 200:
                    break
                served += 1
    return served / (scenario.minutes * 60)


def _mix() -> Iterator[Request]:
    for number in range(50):
        for kind in KINDS:
            for _ in range(round(kind.share * 20)):
                yield Request(number, 0.0, kind, kind.prompt, kind.answer)


def _simulate(
    scenario: Scenario,
    seed: int,
    policy: str,
    order: rivals.Order = rivals.fullest_first,
    gateways: int = 1,
) -> Result:
    time = VirtualTime(EPOCH)
    random.seed(seed)  # what the product spreads by chance
    network = Network(make_world(scenario, seed), time)
    per_s = scenario.load * capacity_per_s(scenario, seed)
    return run(_day(network, policy, per_s, order, gateways), time)


async def _day(network: Network, policy: str, per_s: float, order: rivals.Order, gateways: int) -> Result:
    others = asyncio.create_task(network.others())
    try:
        match policy:
            case "freeai":
                from benchmarks.pool import product

                async with product.serving(network, gateways) as gateway:
                    return await _serve_all(network, gateway, policy, per_s)
            case "round_robin":
                return await _serve_all(network, rivals.InTurn(network), policy, per_s)
            case "priority":
                return await _serve_all(network, rivals.ByPriority(network), policy, per_s)
        return await _serve_all(network, rivals.Reference(network, order), policy, per_s)
    finally:
        others.cancel()


async def _serve_all(network: Network, policy: Policy, name: str, per_s: float) -> Result:
    served = missed = missed_at_once = offered = 0
    small, small_served = 0, 0
    began = network.time.elapsed

    async def one(request: Request) -> None:
        nonlocal served, missed, missed_at_once, small, small_served
        is_small = request.client > 0
        small += is_small
        if await policy.serve(request):
            served += 1
            small_served += is_small
        elif network.has_room(request):
            missed_at_once += 1
            missed += network.had_room(request)

    async with asyncio.TaskGroup() as group:
        for request in requests(network.world, per_s):
            offered += 1
            await asyncio.sleep(max(0.0, began + request.at - network.time.elapsed))
            group.create_task(one(request))
    return Result(
        name,
        offered,
        served,
        missed,
        missed_at_once,
        network.calls.total(),
        network.calls[429],
        network.calls[404],
        small_served / small if small else 1.0,
    )
