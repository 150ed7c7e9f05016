"""What a request costs in one process, without what else a machine does: `python -m benchmarks.embedded`, some seconds.

The gateway's protocol, its whole request path and its client for upstreams on real sockets, 16 requests at a time, beside a load and an
upstream that are two writes each, in the same event loop. No database, and none of the loops that a gateway runs beside its requests.
CPU time of this process, the least of many rounds; with `--instructions`, which needs valgrind, the instructions of a request outside of
the system, which are the same on a machine with whatever else to do. `--floor` measures the floor proxy in the same way.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
import uvloop
from uvicorn.server import ServerState

from benchmarks import wire
from benchmarks.texts import numbered, prompts
from benchmarks.upstream import WHOLE

KEY: Final = "fai_" + "b" * 43
USER: Final = 1
AT_A_TIME: Final = 16
ROUNDS, CALLS = 30, 320
COUNTED: Final = 160
"""Calls whose instructions are counted, each fifty times as slow as otherwise."""


class Answering(asyncio.Protocol):
    """An upstream: each read is a request, as short ones in one write are."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(WHOLE)


class Asking(asyncio.Protocol):
    """A client: each read is an answer, and the next request follows it."""

    def __init__(self, load: "Load") -> None:
        self._load = load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._load.answered(self, data)


class Load:
    """So many requests, AT_A_TIME of them under way."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._clients: list[Asking] = []
        self._left = self._open = 0
        self._over = asyncio.Event()

    async def connect(self, port: int) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        for _ in range(AT_A_TIME):
            _, client = await loop.create_connection(lambda: Asking(self), "127.0.0.1", port)
            self._clients.append(client)

    async def run(self, calls: int) -> None:
        """Ask so often. Raises RuntimeError where an answer is not the right one."""
        self._left, self._open = calls, AT_A_TIME
        self._over.clear()
        for client in self._clients:
            self._ask(client)
        await self._over.wait()
        if self._left:
            raise RuntimeError("an answer was not the right one")

    def answered(self, client: Asking, data: bytes) -> None:
        """See Asking."""
        if not data.startswith(b"HTTP/1.1 200") or b'"choices"' not in data:
            print(data.decode(errors="replace")[:2000])
            self._over.set()
            return
        self._ask(client)

    def _ask(self, client: Asking) -> None:
        if self._left:
            self._left -= 1
            client.transport.write(next(self._requests))
            return
        self._open -= 1
        if not self._open:
            self._over.set()


async def _nobody(_scope: Any, _receive: Any, _send: Any) -> None:
    """What is not under `/v1`."""


def gateway_protocol(upstream_url: str, candidates: int, directory: Path, *, counted: bool) -> Any:
    """Makes the protocol of a gateway with so many candidates, for each connection."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freeai.settings")
    os.environ |= {"FREEAI_DATA_DIR": str(directory), "FREEAI_LOG_LEVEL": LOG_LEVEL}
    import django

    django.setup()
    from django.conf import settings
    from django.urls import set_script_prefix

    from apps.gateway import runtime
    from apps.gateway.attempts import shortlist
    from apps.gateway.edge import asgi
    from apps.gateway.edge.protocol import Protocol
    from apps.gateway.runtime import Runtime
    from benchmarks.held import hold
    from freeai import logs

    logs.configure(LOG_LEVEL, "json")
    settings.FREEAI_SPOOL_DIR = directory / "spool"
    set_script_prefix("/")
    hold(upstream_url, candidates, KEY, USER)
    runtime.install(Runtime())
    if counted:  # a request takes fifty times as long there, and must not have as many more rankings
        shortlist.REFRESH_S = 3600.0
    config = uvicorn.Config(_nobody, ws="none", lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    state = ServerState()
    return lambda: Protocol(config, state, {}, serve=asgi.serve)


def floor_protocol(upstream_url: str) -> Any:
    """The same of the floor proxy."""
    import django
    from django.conf import settings

    from benchmarks import floor

    settings.configure(ROOT_URLCONF="benchmarks.floor", ALLOWED_HOSTS=["127.0.0.1"], USE_TZ=True)
    django.setup()
    floor.UPSTREAM = floor.Upstream(upstream_url, KEY)
    config = uvicorn.Config(
        floor.FloorHandler(), http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
    )
    config.load()
    state = ServerState()
    protocol = cast(Any, config.http_protocol_class)
    return lambda: protocol(config, state, {})


LOG_LEVEL: Final = os.environ.get("FREEAI_LOG_LEVEL", "warning")


async def measure(arguments: argparse.Namespace, directory: Path) -> float:
    """Microseconds of CPU for one."""
    loop = asyncio.get_running_loop()
    upstream = await loop.create_server(Answering, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    if arguments.floor:
        make = floor_protocol(url)
    else:
        make = gateway_protocol(url, arguments.candidates, directory, counted=arguments.counted)
    server = await loop.create_server(make, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bodies = prompts("freeai-auto")
    load = Load(numbered([wire.http_request(("127.0.0.1", port), wire.PATH, KEY, body) for body in bodies]))
    await load.connect(port)
    await load.run(4 * AT_A_TIME)
    if arguments.counted:
        _count_from_here()
        await load.run(COUNTED)
        return 0.0
    least = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        await load.run(CALLS)
        least = min(least, (time.process_time() - begun) / CALLS * 1e6)
    return least


def _count_from_here() -> None:
    """The start has many times as many. Raises subprocess.CalledProcessError."""
    command = ["callgrind_control", "-i", "on", str(os.getpid())]
    subprocess.run(command, check=True, capture_output=True)


def count_instructions(arguments: list[str]) -> float:
    """Of a request, outside of the system. Raises subprocess.CalledProcessError, FileNotFoundError where there is no valgrind."""
    with tempfile.TemporaryDirectory(prefix="freeai-embedded-") as directory:
        counts = Path(directory) / "counts"
        tool = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={counts}"]
        command = [*tool, sys.executable, "-m", "benchmarks.embedded", "--counted", *arguments]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "0"})
        total = re.search(r"^(?:summary|totals): (\d+)", counts.read_text(errors="replace"), re.MULTILINE)
    return int(total[1]) / COUNTED if total else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedded", description="CPU per request.")
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--floor", action="store_true", help="the floor proxy instead of the gateway")
    parser.add_argument("--instructions", action="store_true", help="count them, by valgrind: a minute")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.instructions:
        passed_on = [each for each in sys.argv[1:] if each != "--instructions"]
        print(f"{count_instructions(passed_on) / 1000:,.0f} thousand instructions a request")
        return
    with tempfile.TemporaryDirectory(prefix="freeai-embedded-") as directory, suppress(KeyboardInterrupt):
        cost = uvloop.run(measure(arguments, Path(directory)))
    if not arguments.counted:
        print(f"{cost:.0f} us of CPU a request")


if __name__ == "__main__":
    main()
