"""What is told of measures: counts, rates, percentiles and money, as JSON has them. None for what nobody knows. Pure."""

from datetime import datetime
from typing import Final

from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import Measures
from apps.core.json_types import JSONObject

PERCENTS: Final = (50, 95, 99)
MICRO: Final = 1_000_000


def figures(of: Measures) -> JSONObject:
    """Those of a row: `calls` are requests, counted where they ended; `attempts` are upstream calls. `handed_on`: attempts that failed and
    were followed by another."""
    failed = of.requests - of.successes - of.cancellations
    failed_attempts = of.attempts - of.attempt_successes - of.attempt_cancellations
    return {
        "calls": of.requests,
        "success": of.successes,
        "failed": failed,
        "cancelled": of.cancellations,
        "fallback_calls": of.fallbacks,
        "fallback_success": of.rescues,
        "attempts": of.attempts,
        "success_attempts": of.attempt_successes,
        "handed_on": max(0, failed_attempts - (failed - of.refusals)),
        "avg_latency_ms": average_ms(of),
        **percentiles("latency_ms", of.latency),
        "tokens": of.prompt_tokens + of.completion_tokens,
        "prompt_tokens": of.prompt_tokens,
        "completion_tokens": of.completion_tokens,
        **money(of),
    }


def percentiles(what: str, histogram: sketch.Histogram) -> JSONObject:
    """`p50_latency_ms` and its siblings, to 1 %."""
    found = sketch.percentiles(histogram, PERCENTS)
    return {
        f"p{percent}_{what}": value and round(value, 2)
        for percent, value in zip(PERCENTS, found, strict=True)
    }


def average_ms(of: Measures) -> float | None:
    """Of the durations that the histogram counts."""
    count = sketch.size(of.latency)
    return round(of.latency_us / count / 1000, 2) if count else None


def money(of: Measures) -> JSONObject:
    """Sums of the attempts whose price is known, and how many are not in them."""
    return {
        "cost_usd": _usd(of.cost_microusd, of.cost_unknown, of.attempts),
        "saved_usd": _usd(of.saved_microusd, of.saved_unknown, of.attempts),
        "cost_unknown_attempts": of.cost_unknown,
        "saved_unknown_attempts": of.saved_unknown,
    }


def share(part: int, whole: int) -> float | None:
    """To four digits, as the rates of an answer are; None of nothing."""
    return round(part / whole, 4) if whole else None


def epoch(moment: datetime) -> int | float:
    """Seconds, whole where they are."""
    seconds = moment.timestamp()
    return int(seconds) if seconds.is_integer() else round(seconds, 3)


def _usd(microusd: int, unknown: int, attempts: int) -> float | None:
    return None if attempts and unknown == attempts else microusd / MICRO
