"""The fakes from the command line: `python -m fakes`, or `manage.py fake_upstream`."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser, Namespace

import uvloop

from .behaviours import NAMED
from .server import FakeUpstream
from .upstreams import UPSTREAMS

HELP = (
    "Serve fakes of the upstream providers: base URLs are /<provider>/v1 (gemini: /gemini/v1beta). What a request gets is chosen by the "
    'header x-fake-behaviour or by its model, such as "openai/gpt-oss-120b@error_429_day". Behaviours: '
    + ", ".join(sorted(NAMED))
    + ", slow_S, flaky_N, long_N, frames_N_MS. GET /_health, GET /_journal, POST /_reset, POST /_script. "
    "Exit codes: 0 stopped, 1 the address cannot be listened on."
)
MAX_PORT = 65_535


class CannotListenError(Exception):
    """The address is not to be had; the message says which and why."""


def add_arguments(parser: ArgumentParser) -> None:
    """Where to listen, and as whom."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free port")
    parser.add_argument(
        "--strict",
        choices=sorted(UPSTREAMS),
        default="openai",
        help="whose strict rules, errors and headers apply at the base URL without a prefix (default: openai, which has no strict rules)",
    )
    parser.add_argument("--default", choices=sorted(NAMED), default="ok", help="behaviour if none is named")
    parser.add_argument("--quiet", action="store_true", help="keep no journal, print nothing: for load tests")


def run(options: Namespace) -> None:
    """Serve until SIGINT or SIGTERM. Raises CannotListenError."""
    place = f"{options.host}:{options.port}"
    if not 0 <= options.port <= MAX_PORT:
        raise CannotListenError(f"--port must be between 0 and {MAX_PORT}")
    fake = FakeUpstream(host=options.host, port=options.port, bare=options.strict, journal=not options.quiet)
    fake.default_behaviour = options.default
    try:
        uvloop.run(_serve(fake, quiet=options.quiet))
    except OSError as exc:
        raise CannotListenError(f"cannot listen on {place}: {exc.strerror}") from exc


async def _serve(fake: FakeUpstream, *, quiet: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with fake:
        if not quiet:
            print(f"Fake upstreams at {fake.origin} (Ctrl-C stops)")
            for provider in UPSTREAMS:
                print(f"  {provider:<12} {fake.url(provider)}", flush=True)
        await stopped.wait()
