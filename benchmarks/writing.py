"""The usage ledger under load: 2,000 events a second into PostgreSQL, by a gateway that serves requests meanwhile."""

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import orjson
import psycopg

from benchmarks.bench import Bench
from benchmarks.fed import DRAIN_S, MARK
from benchmarks.gateway import Gateway
from benchmarks.processes import wait_for
from benchmarks.report import Figure, Figures
from benchmarks.stats import median_ratio, middle

SERVER = os.environ.get("FREEAI_BENCH_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
SINGLES = 100
PAIRS = 9
SPELL_S = 1.0


def writing(bench: Bench) -> Figures:
    """Lag, loss and latency; no figures where there is no PostgreSQL (FREEAI_BENCH_DATABASE_URL, or one on this machine)."""
    with database() as url:
        if url is None:
            return {}
        gateway = bench.fed(url)
        pairs = [_pair(bench, gateway) for _ in range(PAIRS)]
        with _feeding(gateway):
            _singles(bench, gateway, bench.effort.feed_s)
        gateway.stop()
        counted = _counted(url)
    reports = _reports(gateway)
    return {
        "writing_rate": Figure(reports[-1]["fed"] / reports[-1]["seconds"]),
        "writing_lag_s": Figure(reports[-1]["lag_s"]),
        "writing_lost": Figure(sum(report["fed"] for report in reports) - counted),
        "writing_p50": Figure(median_ratio([(quiet["p50_ms"], busy["p50_ms"]) for quiet, busy in pairs])),
        "writing_p99": Figure(median_ratio([(quiet["p99_ms"], busy["p99_ms"]) for quiet, busy in pairs])),
    }


def _pair(bench: Bench, gateway: Gateway) -> tuple[dict[str, float], dict[str, float]]:
    """Latencies without and with the feed, close together: a machine that gets slower or faster favours neither."""
    quiet = _singles(bench, gateway, SPELL_S)
    with _feeding(gateway):
        return quiet, _singles(bench, gateway, SPELL_S)


@contextmanager
def _feeding(gateway: Gateway) -> Iterator[None]:
    """The gateway is fed meanwhile; at the end it has written everything."""
    known = len(_reports(gateway))
    gateway.signal(signal.SIGUSR1)
    yield
    gateway.signal(signal.SIGUSR2)
    wait_for(lambda: len(_reports(gateway)) > known, 2 * DRAIN_S, "the feed did not end")


def _singles(bench: Bench, gateway: Gateway, seconds: float) -> dict[str, float]:
    """Latencies of single requests, one after the other: medians of as many small rounds as fit. Raises RuntimeError on any error."""
    rounds: list[dict[str, Any]] = []
    over_at = monotonic() + seconds
    while monotonic() < over_at:
        [report] = bench.load.run("alternate", targets=[gateway.target()], count=SINGLES)["targets"]
        if report["errors"]:
            raise RuntimeError(
                f"beside the feed: {report['errors']} errors, the first: {report['first_error']}"
            )
        rounds.append(report)
    return {key: middle([each[key] for each in rounds]) for key in ("p50_ms", "p99_ms")}


def _reports(gateway: Gateway) -> list[dict[str, Any]]:
    """What the gateway said at the end of each feed."""
    return [orjson.loads(line) for line in gateway.text().splitlines() if line.startswith('{"fed"')]


def _counted(url: str) -> int:
    query = "SELECT count(*) FROM usage_events WHERE request_id = %s AND outcome = 'success' AND is_last"
    with psycopg.connect(url) as connection:
        row = connection.execute(query, [MARK]).fetchone()
    return row[0] if row else 0


@contextmanager
def database() -> Iterator[str | None]:
    """The URL of a database of our own, dropped at the end; None where nobody answers."""
    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        print(f"figures left out: no PostgreSQL: {error}", file=sys.stderr)
        yield None
        return
    name = f"freeai_bench_{uuid.uuid4().hex[:12]}"
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{SERVER.rsplit('/', 1)[0]}/{name}"
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
