"""`python -m benchmarks.soak --minutes 30`: traffic with faults, and what it did to the gateway.

Exit codes: 0 every bound held, 1 one did not, or the soak could not be made.
"""

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
import orjson
import psycopg

from benchmarks.gateway import Gateway
from benchmarks.processes import allow_many_connections
from benchmarks.soak import faults
from benchmarks.soak.judging import Verdict, verdicts
from benchmarks.soak.traffic import Client
from benchmarks.soak.watching import Watch, exceptions
from fakes import FakeUpstream

CANDIDATES: Final = 8
CLIENTS: Final = 12
ANSWER_S: Final = 90.0
LAST_S: Final = 60.0
"""How long acts that are under way may go on behind the end."""
SETTLED_S: Final = 8.0
AROUND_S: Final = 900
"""What the gateway lives for besides: seeding, the last acts, and the look at its ledger, on a machine that is busy."""
OTHERS: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def main() -> int:
    arguments = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the gateway is ended on the way out
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the fake tells of each client that left
    allow_many_connections()
    with tempfile.TemporaryDirectory(prefix="freeai-soak-") as directory:
        env = {"FREEAI_LOG_LEVEL": "info", "FREEAI_DATABASE_URL": arguments.database_url}
        lifetime_s = int(arguments.minutes * 60) + AROUND_S
        gateway = Gateway(Path(directory) / "gateway", env=env, lifetime_s=lifetime_s)
        try:
            found = asyncio.run(_soak(gateway, arguments))
        finally:
            gateway.stop()
    for verdict in found:
        sys.stdout.write(
            f"{verdict.label:48} {verdict.measured:>16}   {verdict.bound:24} {'yes' if verdict.is_met else 'NO'}\n"
        )
    return 0 if all(verdict.is_met for verdict in found) else 1


async def _soak(gateway: Gateway, arguments: argparse.Namespace) -> list[Verdict]:
    seen: Counter[str] = Counter()
    seconds: float = arguments.minutes * 60
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeUpstream(journal=False))
        await asyncio.to_thread(_begin, gateway, f"{fake.origin}/{faults.UPSTREAM}")
        limits = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(ANSWER_S))
        )
        assert gateway.child is not None  # noqa: S101 - it was started
        url, key = f"http://127.0.0.1:{gateway.port}", str(gateway.target()["key"])
        watch = Watch(gateway.child.root, url, key, seen)
        background = [
            asyncio.create_task(faults.fail_upstream(fake, arguments.seed)),
            asyncio.create_task(faults.kill_children(gateway.child.root, seconds)),
            asyncio.create_task(watch.run(session, seconds)),
        ]
        if arguments.database_url:
            cut = lambda: _cut(arguments.database_url)  # noqa: E731
            background.append(asyncio.create_task(faults.cut_database(cut, seconds)))
        await _live(url, key, session, seen, arguments)
        for each in background:
            each.cancel()
        await asyncio.wait(background)
        await asyncio.sleep(SETTLED_S)
        ledger = await asyncio.to_thread(_differences, gateway)
    log = exceptions(gateway.child.err)
    _tell(seen, watch, log, ledger, arguments)
    return verdicts(watch.samples, seen, log, ledger)


async def _live(
    url: str, key: str, session: aiohttp.ClientSession, seen: Counter[str], arguments: argparse.Namespace
) -> None:
    over = asyncio.Event()
    clients = [Client(url, key, session, seen, arguments.seed + number) for number in range(CLIENTS)]
    living = [asyncio.create_task(client.live(over)) for client in clients]
    await asyncio.sleep(arguments.minutes * 60)
    over.set()
    done, late = await asyncio.wait(living, timeout=LAST_S)
    for each in late:
        seen["end failed: still under way"] += 1
        each.cancel()
    for each in done:
        each.result()


def _begin(gateway: Gateway, upstream: str) -> None:
    gateway.start()
    gateway.seed("candidates", str(CANDIDATES), upstream)
    gateway.seed("embeddings", "3")


def _differences(gateway: Gateway) -> list[str]:
    """What `doctor --ledger` finds wrong."""
    found = orjson.loads(gateway.command("doctor", "--ledger", "--json"))
    return [f"{each['check']}: {each['text']}" for each in found if each["level"] in ("error", "warning")]


def _cut(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(OTHERS)


def _tell(
    seen: Counter[str], watch: Watch, log: list[str], ledger: list[str], arguments: argparse.Namespace
) -> None:
    """On stderr what happened; with --json the figures into a file."""
    for end, count in sorted(seen.items()):
        sys.stderr.write(f"{count:8} {end}\n")
    for line in [*log[:20], *ledger]:
        sys.stderr.write(f"{line[:2000]}\n")
    if arguments.json:
        content = {
            "seen": dict(seen),
            "samples": [each._asdict() for each in watch.samples],
            "log": log[:100],
            "ledger": ledger,
        }
        arguments.json.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description="Soak FreeAI in traffic with faults."
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: %(default)g)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**16), help="of what is done next")
    parser.add_argument("--json", type=Path, help="where to keep what was seen")
    parser.add_argument(
        "--database-url",
        default=os.environ.get("FREEAI_SOAK_DATABASE_URL", ""),
        help="an empty PostgreSQL database, whose connections are cut off now and then (default: SQLite)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
