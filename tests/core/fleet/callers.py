"""A process of a fleet: some callers that ask one Redis for quota, as fast as they are answered.

Run as a module. Each line of its input is a round, as JSON: it says "ready", waits for an empty line, and prints what came of it as JSON.
"""

import asyncio
import json
import sys
from typing import Any

from apps.core import clock, ids
from apps.core.state.contract import BreakerPolicy, Claim, Completion, Grant, Kind, Subject, Window
from apps.core.state.redis.store import RedisStore

POLICY = BreakerPolicy()
SETTLED = Completion(health="success", spent={"requests": 1})


def windows(limit: int, kinds: dict[str, Kind]) -> tuple[Window, ...]:
    return tuple(
        Window(f"1:groq#requests/{period}", "requests", period, limit, kind) for period, kind in kinds.items()
    )


def subject(model: str, limit: int, kinds: dict[str, Kind]) -> Subject:
    """A model with windows of its own."""
    own = (
        Window(f"1:groq|{model}#requests/{period}", "requests", period, limit, kind)
        for period, kind in kinds.items()
    )
    return Subject("1:groq", f"1:groq|{model}", tuple(own))


class Callers:
    """One round. `takes`: as a client key's requests; `both_ways`: of two models, every other caller in the other order."""

    def __init__(self, what: dict[str, Any]) -> None:
        self.what = what
        self.store = RedisStore(
            what["url"],
            prefix=what["prefix"],
            deadline_s=what["deadline_s"],
            gather_s=what.get("gather_s", 0.3),
        )
        self.subject = Subject("1:groq", "1:groq|llama", windows(what["limit"], what["kinds"]))
        self.two = tuple(subject(model, what["limit"], what["kinds"]) for model in ("llama", "qwen"))
        self.granted = self.refused = 0
        self.modes: set[str] = set()

    async def run(self) -> None:
        await self.store.restore(_nothing, clock.now())
        _say("ready")
        await _line()
        end = clock.now() + self.what["lasts_s"]
        await asyncio.gather(*(self._call(end, number) for number in range(self.what["callers"])))
        await self.store.open_grants()
        _say(
            json.dumps(
                {
                    "granted": self.granted,
                    "refused": self.refused,
                    "modes": sorted(self.modes),
                    "mode": self.store.mode,
                }
            )
        )
        await _line()
        await self.store.aclose()

    async def _call(self, end: float, number: int) -> None:
        refused_in_a_row = 0
        while clock.now() < end and refused_in_a_row < self.what.get("patience", 3):
            now = clock.now()
            answer = await self._ask(now, number)
            is_granted = isinstance(answer, Grant | tuple)
            self.modes.add(self.store.mode)
            if is_granted:
                self.granted += 1
                refused_in_a_row = 0
            else:
                self.refused += 1
                refused_in_a_row += 1
            if isinstance(answer, Grant):
                await self.store.complete(answer, SETTLED, POLICY, clock.now())
            if pause_s := self.what.get("pause_s", 0.0):
                await asyncio.sleep(pause_s)

    async def _ask(self, now: float, number: int) -> Any:
        if self.what.get("takes"):
            return await self.store.take(self.subject.windows, {"requests": 1}, now)
        if not self.what.get("both_ways"):
            return await self.store.acquire(Claim(ids.uuid7(), self.subject, {"requests": 1}), now)
        ordered = self.two if number % 2 else self.two[::-1]
        return (
            await self.store.acquire_first([Claim(ids.uuid7(), one, {"requests": 1}) for one in ordered], now)
        )[-1]


async def _line() -> str:
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _nothing(_now: float) -> list[Any]:
    return []


async def rounds() -> None:
    """Until the input ends."""
    while line := await _line():
        await Callers(json.loads(line)).run()


if __name__ == "__main__":
    asyncio.run(rounds())
