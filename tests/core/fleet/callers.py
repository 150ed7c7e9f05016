"""A process of a fleet: some callers that ask one Redis for quota, as fast as they are answered.

Run as a module, with what it is to do as JSON in its argument. Prints what came of it as JSON.
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


class Callers:
    """`granted` counts; `seen` what the store said in the end."""

    def __init__(self, what: dict[str, Any]) -> None:
        self.what = what
        self.store = RedisStore(
            what["url"],
            prefix=what["prefix"],
            deadline_s=what["deadline_s"],
            gather_s=what.get("gather_s", 0.3),
        )
        self.subject = Subject("1:groq", "1:groq|llama", windows(what["limit"], what["kinds"]))
        self.granted = self.refused = self.settled = 0
        self.modes: set[str] = set()

    async def run(self) -> None:
        await self.store.restore(_nothing, clock.now())
        _say("ready")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        end = clock.now() + self.what["lasts_s"]
        await asyncio.gather(*(self._call(end) for _ in range(self.what["callers"])))
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
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        await self.store.aclose()

    async def _call(self, end: float) -> None:
        refused_in_a_row = 0
        while clock.now() < end and refused_in_a_row < self.what.get("patience", 3):
            now = clock.now()
            if self.what.get("takes"):
                answer: Any = await self.store.take(self.subject.windows, {"requests": 1}, now)
                is_granted = isinstance(answer, tuple)
            else:
                answer = await self.store.acquire(Claim(ids.uuid7(), self.subject, {"requests": 1}), now)
                is_granted = isinstance(answer, Grant)
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


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _nothing(_now: float) -> list[Any]:
    return []


if __name__ == "__main__":
    asyncio.run(Callers(json.loads(sys.argv[1])).run())
