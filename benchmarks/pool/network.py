"""The upstreams at work: a way to each, a clock of their own, and windows that they enforce. Counts what really happened."""

import asyncio
import random
from collections import Counter as Tally
from typing import Final

from msgspec import Struct, field

from benchmarks.pool.demand import Request
from benchmarks.pool.truth import Amounts, Counter
from benchmarks.pool.virtual import VirtualTime
from benchmarks.pool.world import Upstream, World

TOKEN_S: Final = 0.004
FALSE_WAIT_S: Final = 20.0
"""What a refusal names that has no reason, where it names a wait."""
FOREIGN_EVERY_S: Final = 5.0
NAMING: Final = frozenset({"groq", "gemini", "openrouter"})
"""Whose refusals name the window."""
TELLING: Final = NAMING | {"llm7"}
"""Whose refusals tell how long to wait. The others just refuse."""


class Outcome(Struct):
    """An upstream's answer. `full`: the window that had no room."""

    status: int
    full: Counter | None = None
    wait_s: float = 0.0


class Network(Struct):
    """One run's upstreams. `calls` by status."""

    world: World
    time: VirtualTime
    calls: Tally[int] = field(default_factory=Tally)
    by_provider: dict[str, Tally[int]] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    on_their_way: dict[str, list[tuple[str, Amounts]]] = field(default_factory=dict)

    async def call(self, provider: str, model: str, request: Request) -> Outcome:
        """What the provider makes of a request, after as long as it takes."""
        upstream = self.world.upstreams[provider]
        sent, coming = (model, request.size), self.on_their_way.setdefault(provider, [])
        coming.append(sent)
        try:
            await asyncio.sleep(self._transit_s(upstream))
        finally:
            coming.remove(sent)
        outcome = self._refused_for_nothing(upstream, model, request) or self.decide(upstream, model, request)
        self.calls[outcome.status] += 1
        self.by_provider.setdefault(provider, Tally())[outcome.status] += 1
        if outcome.status == 200:
            await asyncio.sleep(
                upstream.first_byte_s * self.chance.uniform(0.7, 1.5) + request.answer * TOKEN_S
            )
        await asyncio.sleep(self._transit_s(upstream))
        return outcome

    def decide(self, upstream: Upstream, model: str, request: Request) -> Outcome:
        """Admit and count, or refuse, at this moment."""
        if model not in upstream.models or model in upstream.retired:
            return Outcome(404)
        now = self.time.now() + upstream.skew_s
        full = upstream.quotas.full(model, request.known, now)
        if full is not None:
            return Outcome(429, full, full.wait_s(request.known[full.window.metric], now))
        upstream.quotas.charge(model, request.size, now)
        return Outcome(200)

    def _refused_for_nothing(self, upstream: Upstream, model: str, request: Request) -> Outcome | None:
        """The upstream's word that a minute is full, by chance and whatever is true; None where it does not say so."""
        false = self.world.scenario.false
        if not false or random.Random(f"{upstream.name} {request.number} false").random() >= false:
            return None
        minute = upstream.quotas.minute_of(model)
        return None if minute is None else Outcome(429, minute, FALSE_WAIT_S)

    def has_room(self, request: Request) -> bool:
        """Whether anybody would take the request now."""
        return any(
            request.fits(entry)
            and model not in upstream.retired
            and upstream.quotas.full(model, request.known, self.time.now() + upstream.skew_s) is None
            for upstream in self.world.upstreams.values()
            for model, entry in upstream.models.items()
        )

    def had_room(self, request: Request) -> bool:
        """Whether anybody would have taken it for a while now, beside what is on its way there."""
        return any(
            request.fits(entry)
            and model not in upstream.retired
            and upstream.quotas.is_left(
                model, request.known, self.time.now() + upstream.skew_s, self._coming(upstream)
            )
            for upstream in self.world.upstreams.values()
            for model, entry in upstream.models.items()
        )

    def _coming(self, upstream: Upstream) -> list[tuple[str, Amounts]]:
        """What such calls will take there when they arrive."""
        return [each for each in self.on_their_way.get(upstream.name, ()) if each[0] in upstream.models]

    async def others(self) -> None:
        """Whoever else uses these accounts. Until cancelled."""
        while True:
            await asyncio.sleep(FOREIGN_EVERY_S)
            for upstream in self.world.upstreams.values():
                if upstream.foreign:
                    upstream.quotas.use(upstream.foreign, FOREIGN_EVERY_S, self.time.now() + upstream.skew_s)

    def _transit_s(self, upstream: Upstream) -> float:
        return upstream.transit_s * self.chance.uniform(0.7, 1.6)
