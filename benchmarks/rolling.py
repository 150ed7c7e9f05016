"""An upgrade without a pause: `python -m benchmarks.rolling REVISION --database-url postgres://…/empty --state redis://…`.

A gateway of that revision of git serves; one of this tree starts beside it, on the same database, which it brings up to date; both serve;
the first is ended, as a balancer would do it, and the second serves alone. Clients ask all the while, whole and streamed. Exit codes: 0 no
request failed and the ledger agrees, 1 otherwise.
"""

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

import aiohttp
import psycopg
from cryptography.fernet import Fernet

from benchmarks.gateway import Gateway
from benchmarks.processes import ROOT

CLIENTS: Final = 6
PAUSE_S: Final = 0.02
PHASE_S: Final = 10.0
SETTLED_S: Final = 5.0
STARTS: Final = 2
"""Each gateway is asked once when it starts."""
COUNTED: Final = "SELECT count(*) FILTER (WHERE is_last), count(*) FILTER (WHERE outcome = 'interrupted') FROM usage_events"
ANSWER_S: Final = 60.0
BODY: Final = {"model": "freeai-auto", "messages": [{"role": "user", "content": "Hello"}]}


class Balancer:
    """Who is asked, and what came of it: `seen` by phase and end."""

    def __init__(self) -> None:
        self.serving: list[Gateway] = []
        self.phase = "before"
        self.seen: Counter[str] = Counter()
        self.over = False

    async def ask_on(self, session: aiohttp.ClientSession) -> None:
        """One request after the other, whole and streamed in turn, until it is over."""
        stream = False
        while not self.over:
            gateway, stream = random.choice(self.serving), not stream
            self.seen[f"{self.phase}: {await self._end_of(gateway, session, stream)}"] += 1
            await asyncio.sleep(PAUSE_S)

    async def _end_of(self, gateway: Gateway, session: aiohttp.ClientSession, stream: bool) -> str:
        target = gateway.target()
        url = f"http://127.0.0.1:{gateway.port}{target['path']}"
        headers = {"Authorization": f"Bearer {target['key']}"}
        try:
            async with session.post(url, json=BODY | {"stream": stream}, headers=headers) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"failed: {type(error).__name__}"
        whole = (
            body.endswith(b"data: [DONE]\n\n") and b'"error"' not in body if stream else answer.status == 200
        )
        return "ok" if whole else f"failed: {answer.status} {body[-200:]!r}"


def main() -> int:
    arguments = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that gateways and tree go on the way out
    shared = {
        "FREEAI_DATABASE_URL": arguments.database_url,
        "FREEAI_STATE": arguments.state,
        "FREEAI_MASTER_KEYS": Fernet.generate_key().decode(),
        "FREEAI_SECRET_KEY": token_urlsafe(50),
    }
    with (
        tempfile.TemporaryDirectory(prefix="freeai-rolling-") as directory,
        _tree(arguments.revision) as tree,
    ):
        made = Path(directory)
        first = Gateway(made / "first", root=tree, env=shared)
        second: Gateway | None = None
        try:
            first.start()
            second = Gateway(made / "second", env=shared, secrets=first.secrets)
            balancer = asyncio.run(_roll(first, second))
            differences = _differences(arguments.database_url, balancer.seen.total() + STARTS)
        finally:
            for gateway in (first, second):
                if gateway is not None:
                    gateway.stop()
    for end, count in sorted(balancer.seen.items()):
        sys.stdout.write(f"{count:8} {end}\n")
    for text in differences:
        sys.stdout.write(f"ledger: {text}\n")
    return 1 if differences or any("failed" in end for end in balancer.seen) else 0


async def _roll(first: Gateway, second: Gateway) -> Balancer:
    balancer = Balancer()
    balancer.serving = [first]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_S)) as session:
        asking = [asyncio.create_task(balancer.ask_on(session)) for _ in range(CLIENTS)]
        await asyncio.sleep(PHASE_S)
        balancer.phase = "the new one starts"
        await asyncio.to_thread(second.start)
        balancer.phase, balancer.serving = "both", [first, second]
        await asyncio.sleep(PHASE_S)
        balancer.phase, balancer.serving = "the old one leaves", [second]
        await asyncio.to_thread(first.stop)
        balancer.phase = "after"
        await asyncio.sleep(PHASE_S)
        balancer.over = True
        await asyncio.gather(*asking)
    await asyncio.sleep(SETTLED_S)
    return balancer


def _differences(database_url: str, asked: int) -> list[str]:
    """Between what was asked and the ledger: each request has one attempt that is its last. What open attempts there are nobody ended."""
    with psycopg.connect(database_url) as connection:
        (counted, left), *_ = connection.execute(COUNTED).fetchall()
    wrong = [f"{counted} requests in the ledger, {asked} asked"] if counted != asked else []
    return [*wrong, f"{left} attempts interrupted"] if left else wrong


@contextmanager
def _tree(revision: str) -> Iterator[Path]:
    """The revision, checked out beside this tree. Raises subprocess.CalledProcessError."""
    with tempfile.TemporaryDirectory(prefix="freeai-tree-") as directory:
        tree = Path(directory) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(tree), revision)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True)  # noqa: S607 - our own words and a revision


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rolling", description="Rehearse an upgrade.")
    parser.add_argument("revision", help="of git: what serves before")
    parser.add_argument("--database-url", required=True, help="an empty PostgreSQL database")
    parser.add_argument("--state", required=True, help="a Redis of its own, as FREEAI_STATE names it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
