"""The load: a process that reads commands from stdin, a JSON object a line, and writes one line of results for each.

Every command has `kind` and its own fields (see the functions); a target is {"host", "port", "path", "key", "marker"}.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat
from time import perf_counter
from typing import Any

import orjson
import uvloop

from benchmarks import wire
from benchmarks.connection import Answer, Connection, connect
from benchmarks.stats import percentile
from benchmarks.texts import agent_turns, numbered, prompts

MAX_FAULTS = 200
DRAIN_S = 30.0
REST_S = 1.0
LOOK_INTERVAL_S = 0.005
TALKS: dict[str, Callable[[str], list[bytes]]] = {"prompts": prompts, "agents": agent_turns}


class Target:
    """Where requests go and what a right answer holds."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.host: str = raw["host"]
        self.port: int = raw["port"]
        self.marker = raw["marker"].encode()
        self._raw = raw

    def request(self, shape: str) -> bytes:
        """A whole HTTP request for it; streamed when `shape` is given."""
        body = wire.request_body(self._raw["model"], shape)
        return wire.http_request((self.host, self.port), self._raw["path"], self._raw["key"], body)

    def requests(self, shape: str, talk: str = "prompts") -> Iterator[bytes]:
        """Whole requests for it, no two alike: of `talk` ("prompts", or "agents"). Streams are of one kind, by their shape."""
        if shape:
            return repeat(self.request(shape))
        bodies = TALKS[talk](self._raw["model"])
        address = (self.host, self.port)
        return numbered(
            [wire.http_request(address, self._raw["path"], self._raw["key"], body) for body in bodies]
        )

    def saying(self, text: str) -> bytes:
        """A whole request for it with this text."""
        body = wire.request_body(self._raw["model"], text=text)
        return wire.http_request((self.host, self.port), self._raw["path"], self._raw["key"], body)

    async def connect(self) -> Connection:
        """A connection to it."""
        return await connect(self.host, self.port)


class Tally:
    """What came of many requests. Latencies in seconds, of right answers only."""

    def __init__(self, marker: bytes, *, streamed: bool) -> None:
        self._marker, self._streamed = marker, streamed
        self.latencies: list[float] = []
        self.first_frames: list[float] = []
        self.frames = 0
        self.errors = 0
        self.first_error = ""

    def add(self, answer: Answer) -> None:
        """Check and count an answer."""
        fault = answer.fault(self._marker, streamed=self._streamed)
        if fault:
            self.errors += 1
            self.first_error = self.first_error or fault
            return
        self.latencies.append(answer.latency_s)
        if self._streamed:
            self.first_frames.append(answer.first_frame_s)
            self.frames += answer.frames()

    def report(self) -> dict[str, Any]:
        """Latencies in milliseconds."""
        return {
            "requests": len(self.latencies),
            "errors": self.errors,
            "first_error": self.first_error,
            "frames": self.frames,
            "p50_ms": percentile(self.latencies, 0.5) * 1000,
            "p99_ms": percentile(self.latencies, 0.99) * 1000,
            "first_p50_ms": percentile(self.first_frames, 0.5) * 1000,
        }


class ClosedLoop:
    """Connections that send the next request at each answer until the time is over; the last are awaited."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, seconds: float) -> None:
        self._requests, self._tally, self._seconds = requests, tally, seconds
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._active = 0
        self.started_at = self.ended_at = 0.0

    async def run(self, connections: list[Connection]) -> None:
        """Raises TimeoutError when answers stay out."""
        self.started_at = perf_counter()
        self._active = len(connections)
        for connection in connections:
            connection.send(next(self._requests), self._next)
        await asyncio.wait_for(self._finished, self._seconds + DRAIN_S)

    def _next(self, connection: Connection, answer: Answer) -> None:
        self._tally.add(answer)
        self.ended_at = answer.ended_at
        over = answer.ended_at - self.started_at >= self._seconds
        if answer.complete and not over and self._tally.errors < MAX_FAULTS:
            connection.send(next(self._requests), self._next)
            return
        self._active -= 1
        if not self._active and not self._finished.done():
            self._finished.set_result(None)


async def closed(command: dict[str, Any]) -> dict[str, Any]:
    """`connections` for `seconds`; `shape` for streams, `talk` for what is said.

    With `probe_s`, single requests for so long from the moment the load stops.
    """
    target = Target(command["target"])
    shape: str = command.get("shape", "")
    probe_s: float = command.get("probe_s", 0.0)
    tally = Tally(target.marker, streamed=bool(shape))
    connections = await asyncio.gather(*[target.connect() for _ in range(command["connections"])])
    prober = await target.connect()
    loop = ClosedLoop(target.requests(shape, command.get("talk", "prompts")), tally, command["seconds"])
    load = asyncio.create_task(loop.run(connections))
    probes: list[tuple[float, float]] = []
    if probe_s:
        await asyncio.sleep(command["seconds"])
        probes = await _probe(prober, target, probe_s)
    await load
    for connection in (prober, *connections):
        connection.close()
    return {**tally.report(), "elapsed_s": loop.ended_at - loop.started_at, "probes": probes}


async def _probe(connection: Connection, target: Target, seconds: float) -> list[tuple[float, float]]:
    """(seconds since the call, latency in seconds) of right answers, one at a time."""
    stopped_at = perf_counter()
    probes: list[tuple[float, float]] = []
    requests = target.requests("")
    while perf_counter() - stopped_at < seconds:
        answer = await connection.fetch(next(requests))
        if answer.fault(target.marker, streamed=False):
            break
        probes.append((answer.ended_at - stopped_at, answer.latency_s))
    return probes


async def alternate(command: dict[str, Any]) -> dict[str, Any]:
    """`count` requests to each of `targets` in turn, one at a time: all of them see the same machine. `shape` for streams."""
    shape: str = command.get("shape", "")
    targets = [Target(raw) for raw in command["targets"]]
    tallies = [Tally(target.marker, streamed=bool(shape)) for target in targets]
    connections = [await target.connect() for target in targets]
    requests = [target.requests(shape) for target in targets]
    for _ in range(command["count"]):
        for connection, coming, tally in zip(connections, requests, tallies, strict=True):
            tally.add(await connection.fetch(next(coming)))
    for connection in connections:
        connection.close()
    return {"targets": [tally.report() for tally in tallies]}


async def stalls(command: dict[str, Any]) -> dict[str, Any]:
    """The longest that /livez took, in milliseconds: at rest, and while `count` requests of `size` bytes were answered, one by one."""
    target = Target(command["target"])
    prober, connection = await target.connect(), await target.connect()
    rest_ms = await _slowest_look(target, prober, asyncio.create_task(asyncio.sleep(REST_S)))
    text = "a few words of a long document. " * (command["size"] // 32)
    request = target.saying(text)

    async def ask() -> None:
        for _ in range(command["count"]):
            if fault := (await connection.fetch(request)).fault(target.marker, streamed=False):
                raise OSError(fault)
            await asyncio.sleep(LOOK_INTERVAL_S)

    asking = asyncio.create_task(ask())
    meanwhile_ms = await _slowest_look(target, prober, asking)
    await asking
    for each in (prober, connection):
        each.close()
    return {"rest_ms": rest_ms, "meanwhile_ms": meanwhile_ms}


async def _slowest_look(target: Target, prober: Connection, meanwhile: "asyncio.Task[None]") -> float:
    look = f"GET /livez HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n\r\n".encode()
    slowest_s = 0.0
    while not meanwhile.done():
        slowest_s = max(slowest_s, (await prober.fetch(look)).latency_s)
        await asyncio.sleep(LOOK_INTERVAL_S)
    return slowest_s * 1000


async def crowd(command: dict[str, Any]) -> dict[str, Any]:
    """`streams` of `shape`, all at once, once each."""
    target = Target(command["target"])
    tally = Tally(target.marker, streamed=True)
    request = target.request(command["shape"])
    started_at = perf_counter()
    answers = await asyncio.gather(*[_single(target, request) for _ in range(command["streams"])])
    for answer in answers:
        tally.add(answer)
    return {**tally.report(), "wall_s": max(answer.ended_at for answer in answers) - started_at}


async def _single(target: Target, request: bytes) -> Answer:
    """One answer over a connection of its own; a broken one when the connection is refused or the answer stays out."""
    try:
        connection = await target.connect()
        try:
            return await connection.fetch(request)
        finally:
            connection.close()
    except (OSError, TimeoutError):
        answer = Answer()
        answer.ended_at = perf_counter()
        return answer


COMMANDS: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "closed": closed,
    "alternate": alternate,
    "crowd": crowd,
    "stalls": stalls,
}


async def serve() -> None:
    """Obey commands until stdin ends; a failed one is answered with {"failed": why}."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = orjson.loads(line)
        try:
            result = await COMMANDS[command["kind"]](command)
        except (OSError, TimeoutError) as error:
            result = {"failed": f"{type(error).__name__}: {error}"}
        print(orjson.dumps(result).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
