"""`python -m benchmarks`: measure, show the table, keep the figures as JSON."""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks import analytics, growth, pages, peers, scenarios, writing
from benchmarks.bench import Bench, Effort
from benchmarks.processes import allow_many_connections, cores
from benchmarks.report import Figure, Figures, as_json, table

RESULTS = Path(__file__).parent / "results"
SHORT = Effort(window_s=0.5, rounds=1, singles=300, starts=1, events=100_000, feed_s=10.0)
USUAL = Effort(window_s=1.5, rounds=3, singles=1000, starts=3, events=1_000_000, feed_s=20.0)
FULL = Effort(window_s=3.0, rounds=5, singles=2000, starts=5, events=5_000_000, feed_s=300.0)

# In the order in which they disturb each other least: what looks at memory comes before the heavy load.
SCENARIOS: dict[str, Callable[[Bench], Figures]] = {
    "start": scenarios.start,
    "idle": scenarios.idle,
    "slow": scenarios.slow,
    "crowd": scenarios.crowd,
    "whole": scenarios.whole,
    "agents": scenarios.agents,
    "latency": scenarios.latency,
    "frames": scenarios.frames,
    "stalls": scenarios.stalls,
    "candidates": growth.candidates,
    "keys": growth.keys,
    "events": growth.events,
    "restart": growth.restart,
    "writing": writing.writing,
    "analytics": analytics.analytics,
    "pages": pages.pages,
    "redis": peers.redis_mode,
    "peers": peers.peers,
    "log": growth.log_level,
}

LEFT_OUT_WHEN_QUICK = {
    "log",
    "analytics",
    "pages",
    "crowd",
    "redis",
    "peers",
}  # has no budget, or takes longer than that


def main() -> int:
    """0 when everything could be measured, budgets met or not; 1 when a scenario failed."""
    arguments = _parse()
    effort = SHORT if arguments.quick else FULL if arguments.full else USUAL
    chosen = arguments.only or [
        name for name in SCENARIOS if not (arguments.quick and name in LEFT_OUT_WHEN_QUICK)
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the children are ended on the way out
    allow_many_connections()
    os.sched_setaffinity(0, cores()[1])
    started = time.monotonic()
    figures: dict[str, Figure] = {}
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="freeai-bench-") as directory, ExitStack() as stack:
        bench = Bench(effort, Path(directory), stack)
        for name in (name for name in SCENARIOS if name in chosen):
            print(f"[{time.monotonic() - started:4.0f} s] {name}", file=sys.stderr, flush=True)
            try:
                figures |= SCENARIOS[name](bench)
            except (
                OSError,
                RuntimeError,
                ValueError,
                subprocess.TimeoutExpired,
            ) as error:  # TimeoutError is an OSError
                failures[name] = f"{type(error).__name__}: {error}"
    print(table(figures))
    for name, failure in failures.items():
        print(f"{name} FAILED: {failure}")
    print(f"{time.monotonic() - started:.0f} s; {_store(arguments.json, figures, failures, effort)}")
    return 1 if failures else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure FreeAI beside a floor."
    )
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="this scenario (repeatable)")
    parser.add_argument("--json", type=Path, help="where to keep the figures (default: benchmarks/results/)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="short rounds: within 90 seconds, noisy")
    length.add_argument(
        "--full",
        action="store_true",
        help="long rounds, five million usage events, five minutes of 2,000 more a second",
    )
    return parser.parse_args()


def _store(path: Path | None, figures: Figures, failures: dict[str, str], effort: Effort) -> Path:
    now = datetime.now(UTC)
    path = path or RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "at": now,
        "machine": {
            "cores": os.cpu_count(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "effort": effort,
        "figures": as_json(figures),
        "failures": failures,
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return path


if __name__ == "__main__":
    sys.exit(main())
