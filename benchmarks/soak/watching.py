"""What is seen of the gateway meanwhile: its memory, a latency beside everybody else's, and its log."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp
import orjson
import psutil

from benchmarks.processes import MIB
from benchmarks.soak.judging import Sample

PROBE_S: Final = 0.25
SHARE: Final = 150
"""So many samples, however long it takes."""
SHORTEST_S: Final = 1.0
PROBE: Final = orjson.dumps({"model": "sandbox/ok", "messages": [{"role": "user", "content": "Hi"}]})


class Watch:
    """`samples`, in order. The latency of each is the median of the probes since the one before."""

    def __init__(self, process: psutil.Process, url: str, key: str, seen: Counter[str]) -> None:
        self.samples: list[Sample] = []
        self._process = process
        self._url = f"{url}/v1/chat/completions"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._seen = seen

    async def run(self, session: aiohttp.ClientSession, seconds: float) -> None:
        """For ever. `seconds`: how long the soak takes."""
        began, took = time.monotonic(), [0.0]
        every_s = max(SHORTEST_S, seconds / SHARE)
        due = began + every_s
        while True:
            await asyncio.sleep(PROBE_S)
            took.append(await self._probe(session))
            if time.monotonic() >= due:
                due += every_s
                self._take(time.monotonic() - began, sorted(took)[len(took) // 2])
                took.clear()

    def _take(self, at_s: float, latency_ms: float) -> None:
        mib = self._process.memory_info().rss / MIB
        self.samples.append(Sample(at_s, self._seen.total(), mib, latency_ms))

    async def _probe(self, session: aiohttp.ClientSession) -> float:
        began = time.perf_counter()
        try:
            async with session.post(self._url, data=PROBE, headers=self._headers) as answer:
                await answer.read()
                end = "ok" if answer.status == 200 else f"failed: {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            end = f"failed: {type(error).__name__}"
        self._seen[f"probe {end}"] += 1
        return (time.perf_counter() - began) * 1000


def exceptions(log: Path) -> list[str]:
    """Lines that tell of one, or of background work that ended of itself; what a task's process says when it is killed is none."""
    words = (b'"exception":', b"Traceback", b"background.failed", b'"level":"critical"')
    with log.open("rb") as lines:
        return [
            line.decode(errors="replace").strip() for line in lines if any(word in line for word in words)
        ]
