"""What a call of an upstream costs by each engine, in this process: `python -m benchmarks.engines`, a quarter of a minute.

CPU time of this process, the least of many rounds, which take turns: other work on the machine adds to a round, and never takes from
one. The upstream is `benchmarks.upstream`, a process of its own.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

import uvloop

from apps.providers.aiohttp_engine import AiohttpTransport
from apps.providers.http.engine import HttpTransport
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts, Transport
from benchmarks import wire
from benchmarks.processes import ROOT

ENGINES: Final[dict[str, Callable[[], Transport]]] = {"own": HttpTransport, "aiohttp": AiohttpTransport}
ROUNDS, CALLS, AT_A_TIME, FRAMES, FRAMES_APART = 10, 50, 16, 500, 250
TIMEOUTS: Final = Timeouts(connect_s=5, read_s=60)
HEADERS: Final = {
    "authorization": f"Bearer {wire.PROVIDER_KEY}",
    "content-type": "application/json",
    "accept-encoding": "identity",
}


async def whole(transport: Transport, url: str) -> int:
    """How many answers were read."""
    call = UpstreamRequest(url=url, headers=HEADERS, body=wire.request_body(wire.MODEL))

    async def one_after_another() -> None:
        for _ in range(CALLS):
            response = await transport.open(call, TIMEOUTS)
            await response.read(100_000)
            response.close()

    await asyncio.gather(*(one_after_another() for _ in range(AT_A_TIME)))
    return CALLS * AT_A_TIME


async def frames(transport: Transport, url: str) -> int:
    """How many frames were read, as fast as they come: a few a read."""
    for _ in range(4):
        await _stream(transport, url, wire.FAST.format(count=FRAMES))
    return 4 * FRAMES


async def frames_apart(transport: Transport, url: str) -> int:
    """How many frames were read, a millisecond apart: each in a read of its own, as a model writes them."""
    return await _stream(transport, url, f"frames_{FRAMES_APART}_1")


async def _stream(transport: Transport, url: str, shape: str) -> int:
    """How many reads it took."""
    body = wire.request_body(wire.MODEL, shape)
    response = await transport.open(
        UpstreamRequest(url=url, headers=HEADERS, body=body, stream=True), TIMEOUTS
    )
    reads = 0
    async for _data in response.chunks():
        reads += 1
    response.release()
    return reads


async def measure(url: str) -> dict[tuple[str, str], float]:
    """Microseconds of CPU for one, by engine and what."""
    least: dict[tuple[str, str], float] = {}
    kinds: dict[str, Callable[[Transport, str], Awaitable[int]]] = {
        "whole answer": whole,
        "frame": frames,
        "frame of its own": frames_apart,
    }
    for _ in range(ROUNDS):
        for engine, make in ENGINES.items():
            transport = make()
            for kind, act in kinds.items():
                begun = time.process_time()
                count = await act(transport, url)
                took = (time.process_time() - begun) / count * 1e6
                least[engine, kind] = min(took, least.get((engine, kind), took))
            await transport.aclose()
    return least


def main() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.upstream"], stdout=subprocess.PIPE, cwd=ROOT, env=os.environ
    ) as upstream:
        try:
            assert upstream.stdout is not None  # noqa: S101 - a pipe
            port = int(upstream.stdout.readline())
            least = uvloop.run(measure(f"http://127.0.0.1:{port}{wire.PATH}"))
        finally:
            upstream.terminate()
    for (engine, kind), took in sorted(least.items()):
        print(f"{engine:8} {kind:16} {took:6.1f} us")


if __name__ == "__main__":
    main()
