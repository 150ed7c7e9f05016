"""`python -m benchmarks.kills --rounds 50`: kill -9 of whatever a fleet consists of, and every other fault beneath it, under load, and
whether anything was lost or doubled.

A gateway with two web processes, their parent and Celery, a PostgreSQL and a Redis of its own (which saves nothing). Each round kills one
of them at a random moment, or hangs, slows, empties or cuts what they stand on, and waits until answers come again. Exit codes: 0 nothing
was lost, doubled or refused wrongly, 1 something was.
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import psycopg

from benchmarks import wire
from benchmarks.fleet_faults import Services
from benchmarks.gateway import Gateway
from benchmarks.processes import allow_many_connections, wait_for
from benchmarks.soak.watching import exceptions
from fakes import FakeUpstream

PROCESSES: Final = ("web", "parent", "celery")
CUTS_CLIENTS: Final = frozenset({"web", "parent"})
"""Whose end clients notice, by a connection that breaks."""
CLIENTS: Final = 12
CANDIDATES: Final = 4
LIMITED: Final = "bench-01"
PAUSE_S: Final = (0.2, 1.5)
LASTS_S: Final = (0.0, 3.0)
"""A fault of Redis' or PostgreSQL's."""
RECOVERED_S, SETTLED_S = 600.0, 10.0
WORKERS: Final = 2
A_TASK: Final = "raised unexpected: OperationalError"
"""A run of a scheduled task whose database was just killed: the next one does it."""
CELERY: Final = "freeai.embedded"


class Run:
    """What is under way, and what was seen. `answered`: ids of good answers; `ends`: by who was killed last, how requests ended."""

    def __init__(
        self, gateway: Gateway, session: aiohttp.ClientSession, chance: random.Random, limit: int
    ) -> None:
        self.gateway, self.chance, self.limit = gateway, chance, limit
        self._session = session
        self.answered: set[str] = set()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.killed: Counter[str] = Counter()
        self.last = "nobody"
        self.limited = 0
        self.up = asyncio.Event()
        self.up.set()

    @property
    def is_spent(self) -> bool:
        """Whether the account with a limit may be refused: what was cut off, or is under way, counts there too."""
        return self.limited + sum(self.killed.values()) * CLIENTS >= self.limit

    async def client(self, number: int, over: asyncio.Event) -> None:
        """Ask one thing after the other; each fourth client of the account that has a limit."""
        model = f"{LIMITED}/{wire.MODEL}" if number % 4 == 0 else "freeai-auto"
        while not over.is_set():
            await self.up.wait()
            end = await self.ask(model)
            self.ends[self.last, end] += 1
            await asyncio.sleep(0.5 if end == "spent" else self.chance.uniform(0.0, 0.05))

    async def ask(self, model: str) -> str:
        """One request; its end."""
        secrets = self.gateway.secrets
        headers = {"Authorization": f"Bearer {secrets.client_key if secrets else ''}"}
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        url = f"http://127.0.0.1:{self.gateway.port}{wire.PATH}"
        try:
            async with self._session.post(url, json=body, headers=headers) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"cut: {type(error).__name__}"
        if answer.status == 200:
            self.answered.add(answer.headers["x-request-id"])
            self.limited += model != "freeai-auto"
            return "answered"
        if answer.status == 429 and model != "freeai-auto" and self.is_spent:
            return "spent"
        return f"{answer.status}: {text.decode(errors='replace')[:200]}"

    async def recovered(self) -> None:
        """Return when four answers came one behind the other. Raises TimeoutError."""
        async with asyncio.timeout(RECOVERED_S):
            good = 0
            while good < 4:
                good = good + 1 if await self.ask("freeai-auto") == "answered" else 0
                await asyncio.sleep(0.05)


async def rounds(run: Run, services: Services, count: int) -> list[str]:
    """`count` faults, each at least once where there are enough; the exceptions in the log."""
    victims = (*PROCESSES, *services.faults)
    for number in range(count):
        victim = victims[number] if number < len(victims) else run.chance.choice(victims)
        await asyncio.sleep(run.chance.uniform(*PAUSE_S))
        run.last = victim
        run.killed[victim] += 1
        if victim in services.faults:
            await asyncio.to_thread(services.faults[victim], run.chance.uniform(*LASTS_S))
        elif victim == "parent":
            run.up.clear()
            await asyncio.to_thread(_kill, victim, run.gateway)
            await asyncio.to_thread(_start_again, run.gateway)
            run.up.set()
        else:
            await asyncio.to_thread(_kill, victim, run.gateway)
        await run.recovered()
        sys.stderr.write(f"{number + 1:3} {victim:18} {sum(run.ends.values()):7} requests\n")
    assert run.gateway.child is not None  # noqa: S101
    return [line for line in exceptions(run.gateway.child.err) if A_TASK not in line]


def _kill(victim: str, gateway: Gateway) -> None:
    assert gateway.child is not None  # noqa: S101 - it was started
    if victim == "parent":
        gateway.child.root.kill()
        gateway.child.process.wait(20)
        return
    children = gateway.child.root.children()
    celery = [each for each in children if CELERY in " ".join(each.cmdline())]
    web = [each for each in children if each not in celery]
    for each in celery if victim == "celery" else web[:1]:
        each.kill()


def _start_again(gateway: Gateway) -> None:
    gateway.start()
    _wait_for_workers(gateway)


def _wait_for_workers(gateway: Gateway) -> None:
    assert gateway.child is not None  # noqa: S101 - it was started
    root = gateway.child.root
    wait_for(lambda: len(root.children()) > WORKERS, RECOVERED_S, "not all workers came")


def judge(
    run: Run, services: Services, gateway: Gateway, limit: int, log: list[str]
) -> Iterator[tuple[str, str, bool]]:
    """What was promised, what came of it, and whether it held."""
    with psycopg.connect(services.database_url) as database:
        rows: dict[str, int] = dict(
            database.execute(
                "SELECT request_id, count(*) FROM usage_events WHERE outcome = 'success' GROUP BY request_id"
            ).fetchall()
        )
        [(attempts,)] = database.execute(
            "SELECT count(*) FROM usage_events WHERE provider = %s AND outcome <> 'refused'", [LIMITED]
        ).fetchall()
    lost = run.answered - rows.keys()
    doubled = [name for name, count in rows.items() if count > 1]
    cut = sum(n for (last, end), n in run.ends.items() if end.startswith("cut") and last in CUTS_CLIENTS)
    failed = {
        f"{last}: {end}": n
        for (last, end), n in run.ends.items()
        if end not in ("answered", "spent") and not (end.startswith("cut") and last in CUTS_CLIENTS)
    }
    kills = run.killed["web"] + run.killed["parent"]
    found = orjson.loads(gateway.command("doctor", "--ledger", "--json"))
    wrong = [each["text"] for each in found if each["level"] == "error"]
    yield "answered requests", str(len(run.answered)), bool(run.answered)
    yield "answered, and not in the ledger", str(len(lost)), not lost
    yield "in the ledger twice", str(len(doubled)), not doubled
    yield f"attempts of the account that may have {limit}", str(attempts), attempts <= limit
    yield f"requests cut off by {kills} kills of web processes", str(cut), cut <= kills * CLIENTS
    yield "other requests that failed", str(failed or 0), not failed
    yield "what `doctor --ledger` finds wrong", str(wrong or 0), not wrong
    yield "exceptions in the log", str(log[:3] or 0), not log


@contextmanager
def _fleet(folder: Path) -> Iterator[tuple[Services, Gateway]]:
    services = Services(folder)
    services.start()
    env = {
        "FREEAI_DATABASE_URL": services.database_url,
        "FREEAI_STATE": f"{services.redis_url}/1",
        "FREEAI_WORKERS": str(WORKERS),
        "FREEAI_LOG_LEVEL": "info",
    }
    gateway = Gateway(folder / "gateway", env=env)
    try:
        gateway.start()
        _wait_for_workers(gateway)
        yield services, gateway
    finally:
        gateway.stop()
        services.stop()


async def _measure(arguments: argparse.Namespace, services: Services, gateway: Gateway) -> bool:
    async with FakeUpstream(journal=False) as fake:
        await asyncio.to_thread(gateway.seed, "candidates", str(CANDIDATES), f"{fake.origin}/openai")
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
            run = Run(gateway, session, random.Random(arguments.seed), arguments.limit)
            limits = {"limits": {"requests": {"day": arguments.limit}}}
            url = f"http://127.0.0.1:{gateway.port}/api/me/providers/{LIMITED}"
            token = {"X-Admin-Token": gateway.admin_token}
            async with session.patch(url, json=limits, headers=token) as answer:
                assert answer.status == 200, await answer.text()  # noqa: S101
            await asyncio.sleep(2.0)  # all have seen it
            over = asyncio.Event()
            clients = [asyncio.create_task(run.client(number, over)) for number in range(CLIENTS)]
            log = await rounds(run, services, arguments.rounds)
            over.set()
            await asyncio.gather(*clients)
        await asyncio.sleep(SETTLED_S)
        found = await asyncio.to_thread(lambda: [*judge(run, services, gateway, arguments.limit, log)])
    for label, measured, held in found:
        sys.stdout.write(f"{label:60} {measured:>12}   {'yes' if held else 'NO'}\n")
    told: dict[str, Any] = {"killed": dict(run.killed), "ends": {str(key): n for key, n in run.ends.items()}}
    sys.stderr.write(f"{orjson.dumps(told).decode()}\n")
    return all(held for *_, held in found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how often (default: %(default)d)")
    parser.add_argument(
        "--limit", type=int, default=300, help="requests a day of the one account that is asked for by name"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(2**16), help="of what happens when")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all are ended on the way out
    allow_many_connections()
    sys.stderr.write(f"--seed {arguments.seed}\n")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="freeai-kills-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        services, gateway = stack.enter_context(_fleet(folder))
        return 0 if asyncio.run(_measure(arguments, services, gateway)) else 1


if __name__ == "__main__":
    sys.exit(main())
