"""The answer of `GET /api/analytics`: one reading, as JSON. Pure."""

from collections.abc import Mapping
from typing import Final

from apps.analytics.reports.figures import average_ms, epoch, figures, money, percentiles, share
from apps.analytics.reports.reading import Reading
from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import Measures
from apps.core.json_types import JSONObject

MOST_ROWS: Final = 1000
"""Of a break-down: those with the most calls."""
PLAIN: Final = ("provider", "model", "strategy", "outcome", "error_kind")
"""The break-downs whose keys are told as they are."""

Clients = Mapping[int, Mapping[str, str | None]]
"""What a row tells of a client key, by its number; keys that are gone are not in it."""


def as_json(reading: Reading, clients: Clients) -> JSONObject:
    """As docs/ADMIN_API.md has it."""
    bounds = reading.bounds
    start, end = epoch(bounds[0]), epoch(bounds[-1])
    return {
        "window_seconds": epoch(bounds[-1]) - epoch(bounds[0]),
        "start": start,
        "end": end,
        "source": reading.source,
        **totals(reading.whole.total),
        **{
            f"by_{dimension}": [{dimension: key, **row} for key, row in broken_down(dimension, reading)]
            for dimension in PLAIN
        },
        "by_client": [{**client_of(key, clients), **row} for key, row in broken_down("client", reading)],
        "by_fallback_position": positions(reading.whole.total),
        "time_buckets": [
            {"bucket_start": epoch(start), **figures(measures)}
            for start, measures in zip(bounds[:-1], reading.buckets, strict=True)
        ],
    }


def totals(of: Measures) -> JSONObject:
    """Of the whole window: requests first, attempts beside them."""
    row = figures(of)
    return {
        "total_calls": of.requests,
        "success_calls": of.successes,
        "failed_calls": row["failed"],
        "cancelled_calls": of.cancellations,
        "refused_calls": of.refusals,
        "success_rate": share(of.successes, of.requests),
        "fallback_calls": of.fallbacks,
        "fallback_success": of.rescues,
        "fallback_rate": share(of.fallbacks, of.requests),
        "total_attempts": of.attempts,
        "success_attempts": of.attempt_successes,
        "failed_attempts": of.attempts - of.attempt_successes - of.attempt_cancellations,
        "cancelled_attempts": of.attempt_cancellations,
        "handed_on_attempts": row["handed_on"],
        "attempt_success_rate": share(of.attempt_successes, of.attempts),
        "attempt_fallback_rate": share(of.attempt_fallbacks, of.attempts),
        "avg_latency_ms": average_ms(of),
        **percentiles("latency_ms", of.latency),
        **percentiles("ttfb_ms", of.ttfb),
        "total_tokens": of.prompt_tokens + of.completion_tokens,
        "prompt_tokens": of.prompt_tokens,
        "completion_tokens": of.completion_tokens,
        "cached_tokens": of.cached_tokens,
        "reasoning_tokens": of.reasoning_tokens,
        **money(of),
    }


def broken_down(dimension: str, reading: Reading) -> list[tuple[str, JSONObject]]:
    """Keys and figures, the most calls first."""
    rows = reading.whole.parts.get(dimension, {})
    ordered = sorted(rows.items(), key=lambda row: (-row[1].requests, -row[1].attempts, row[0]))
    return [(key, figures(measures)) for key, measures in ordered[:MOST_ROWS]]


def positions(of: Measures) -> list[JSONObject]:
    """How many requests ended at which place of their fallback chain."""
    places = enumerate(sketch.digits(of.positions))
    return [{"position": place, "calls": calls} for place, calls in places if calls]


def client_of(key: str, clients: Clients) -> JSONObject:
    """Nulls for requests without a client key, and for one that is gone all but its number."""
    if not key:
        return {"client": None, "client_id": None, "client_key_hash": None}
    return {"client": None, "client_key_hash": None, **clients.get(int(key), {}), "client_id": int(key)}
