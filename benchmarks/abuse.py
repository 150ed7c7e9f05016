"""What each abuse of a hostile client costs the others: `python -m benchmarks.abuse`, two minutes; words behind it choose the abuses
that have one of them in their names.

A gateway as a user starts it, pinned to one core; the others ask it one after the other, from another core, at rest and while the abuse
goes on. Ratios within one run count. Exit codes: 0 measured, budgets met or not; 1 something failed.
"""

import http.client
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.abuses import ABUSES, Victim, go_on
from benchmarks.gateway import Gateway
from benchmarks.processes import allow_many_connections, cores

REST_S: Final = 3.0
ABUSE_S: Final = 5.0
GROWTH_MIB: Final = 30.0
BACK_S: Final = 40.0
LIVEZ_MS: Final = 100.0
LARGEST_LIVEZ_MS: Final = 300.0
RATIO: Final = 2.0
BODY: Final = b'{"model":"sandbox/ok","messages":[{"role":"user","content":"Hi"}]}'


class Seen(NamedTuple):
    """Milliseconds of the others' answers, and of /livez."""

    chats: list[float]
    lives: list[float]


class Row(NamedTuple):
    """An abuse: the others' median at rest and meanwhile, the slowest /livez (ms), and the growth of memory afterwards (MiB)."""

    name: str
    rest_ms: float
    meanwhile_ms: float
    livez_ms: float
    growth_mib: float

    @property
    def ratio(self) -> float:
        return self.meanwhile_ms / self.rest_ms

    @property
    def is_met(self) -> bool:
        most = LARGEST_LIVEZ_MS if self.name.startswith("26 MiB") else LIVEZ_MS
        return self.ratio <= RATIO and self.livez_ms <= most and self.growth_mib <= GROWTH_MIB


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    allow_many_connections()
    measured, load = cores()
    os.sched_setaffinity(0, load)
    with tempfile.TemporaryDirectory(prefix="freeai-abuse-") as directory:
        gateway = Gateway(Path(directory) / "gateway")
        try:
            gateway.start()
            assert gateway.child is not None  # noqa: S101 - it was started
            gateway.child.settle()
            gateway.child.pin(measured)
            victim = Victim(gateway.port, str(gateway.target()["key"]))
            watch(victim, REST_S)
            print("| abuse | others, ms: at rest | meanwhile | ratio | slowest /livez, ms | MiB more | met |")
            print("|---|---:|---:|---:|---:|---:|---|")
            for name in chosen(sys.argv[1:]):
                print(_line(measure(name, victim, gateway.child.rss_mib)), flush=True)
        finally:
            gateway.stop()
    return 0


def chosen(words: list[str]) -> list[str]:
    """Names of abuses."""
    return [name for name in ABUSES if not words or any(word in name for word in words)]


def measure(name: str, victim: Victim, rss_mib: Callable[[], float]) -> Row:
    """One abuse. Raises RuntimeError where the others are refused."""
    before = rss_mib()
    rest = watch(victim, REST_S)
    hostile = multiprocessing.Process(target=_hostile, args=(name, victim))
    hostile.start()
    time.sleep(0.5)
    meanwhile = watch(victim, ABUSE_S)
    hostile.join(ABUSE_S + 30)
    hostile.kill()
    end = time.monotonic() + BACK_S
    while rss_mib() - before > GROWTH_MIB and time.monotonic() < end:
        time.sleep(0.5)
    return Row(
        name, median(rest.chats), median(meanwhile.chats), max(meanwhile.lives), max(0.0, rss_mib() - before)
    )


def watch(victim: Victim, seconds: float) -> Seen:
    """What the others see for so long."""
    seen = Seen([], [])
    key = {"Authorization": f"Bearer {victim.key}", "Content-Type": "application/json"}
    asked: tuple[tuple[list[float], str, str, bytes, dict[str, str]], ...] = (
        (seen.chats, "POST", "/v1/chat/completions", BODY, key),
        (seen.lives, "GET", "/livez", b"", {}),
    )
    threads = [threading.Thread(target=_ask, args=(victim.port, seconds, *each)) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not (seen.chats and seen.lives):
        raise RuntimeError("nobody was answered")
    return seen


def _ask(  # noqa: PLR0913 - a request
    port: int, seconds: float, into: list[float], method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        made.request(method, path, body, headers)
        answer = made.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            into.clear()
            return
        into.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.01)
    made.close()


def _hostile(name: str, victim: Victim) -> None:
    os.nice(10)  # it must not keep those who measure from measuring
    go_on(name, victim, ABUSE_S)


def _line(row: Row) -> str:
    met = "yes" if row.is_met else "**no**"
    return (
        f"| {row.name} | {row.rest_ms:.1f} | {row.meanwhile_ms:.1f} | {row.ratio:.1f} | {row.livez_ms:.0f} "
        f"| {row.growth_mib:.0f} | {met} |"
    )


if __name__ == "__main__":
    sys.exit(main())
