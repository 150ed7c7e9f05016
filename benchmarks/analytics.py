"""What GET /api/analytics costs over a ledger of 90 days, rolled up, and what a start does."""

import json
import urllib.request
from collections.abc import Mapping
from time import perf_counter, sleep
from typing import Final

import psycopg

from benchmarks.bench import Bench
from benchmarks.gateway import Gateway
from benchmarks.report import Figure, Figures
from benchmarks.stats import middle
from benchmarks.writing import database

QUERIES: Final[Mapping[str, str]] = {
    "day": "window_seconds=86400",
    "week": "window_seconds=604800",
    "90": "days=90",
    "730": "days=730",
}
DAYS: Final = 90
TIMES: Final = 7
ON_SQLITE: Final = 10  # as many times fewer events
STATISTICS_S: Final = 1.5  # PostgreSQL writes down within a second what it read
ROWS_SCANNED: Final = """
    SELECT COALESCE(SUM(seq_tup_read), 0) FROM pg_stat_user_tables WHERE relname LIKE 'usage_events%'
"""


def analytics(bench: Bench) -> Figures:
    """Effort.events on PostgreSQL, a tenth on SQLite; of PostgreSQL no figures where there is none."""
    figures: dict[str, Figure] = {}
    with database() as url:
        if url is not None:
            figures |= _on_postgres(bench, url)
    gateway = bench.rolled_up("few", bench.effort.events // ON_SQLITE, DAYS)
    longest = max(_median_ms(gateway, query) for query in QUERIES.values())
    gateway.stop()
    return figures | {"analytics_sqlite_ms": Figure(longest)}


def _on_postgres(bench: Bench, url: str) -> Figures:
    gateway = bench.rolled_up("many", bench.effort.events, DAYS, url)
    gateway.stop()
    started = gateway.start()
    before = _rows_scanned(url)
    figures = {f"analytics_{name}_ms": Figure(_median_ms(gateway, query)) for name, query in QUERIES.items()}
    gateway.stop()
    scanned = _rows_scanned(url) - before
    return {
        "start_over_ledger_s": Figure(started.answer_s),
        **figures,
        "analytics_scanned": Figure(scanned),
    }


def _median_ms(gateway: Gateway, query: str) -> float:
    return middle([_ask_ms(gateway, query) for _ in range(TIMES)])


def _ask_ms(gateway: Gateway, query: str) -> float:
    """Raises OSError, and ValueError for an answer that tells nothing."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}/api/analytics?{query}",
        headers={"X-Admin-Token": gateway.admin_token},
    )
    began = perf_counter()
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own loopback URL
        answer = json.load(response)
    took_ms = (perf_counter() - began) * 1000
    if not answer["total_calls"]:
        raise ValueError(f"{query} tells nothing")
    return took_ms


def _rows_scanned(url: str) -> float:
    """Events that were read without an index since the database was made."""
    sleep(STATISTICS_S)
    with psycopg.connect(url) as connection:
        row = connection.execute(ROWS_SCANNED).fetchone()
    return float(row[0]) if row else 0.0
