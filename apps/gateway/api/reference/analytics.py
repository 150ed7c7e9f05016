"""Analytics in the OpenAPI document."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from apps.analytics.reports.reading import Reading
from apps.analytics.reports.report import as_json
from apps.analytics.reports.windows import (
    BUCKETS,
    DAYS,
    SECONDS,
    USUAL_BUCKETS,
    USUAL_SECONDS,
    of_seconds,
)
from apps.analytics.rollup import sketch
from apps.analytics.rollup.digests import Digest
from apps.analytics.rollup.measures import Measures
from apps.core.json_types import JSONObject
from apps.gateway.api.analytics import FORMATS
from apps.gateway.api.reference.usage import TEXT, TIME, several
from apps.gateway.wire.reference import Operation, Route


class Figures(Struct, kw_only=True):
    """`calls`, `success`, `failed`, `cancelled`: requests, where they ended; `attempts`: upstream calls. Durations are those of answers, in
    rows of one outcome or error those of all its attempts; percentiles are right to 1 %. Money is null where no price is known."""

    calls: int
    success: int
    failed: int
    cancelled: int
    fallback_calls: int
    fallback_success: int
    attempts: int
    success_attempts: int
    handed_on: int
    avg_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None
    tokens: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    saved_usd: float | None
    cost_unknown_attempts: int
    saved_unknown_attempts: int


class OfProvider(Figures, kw_only=True):
    provider: str


class OfModel(Figures, kw_only=True):
    model: str


class OfStrategy(Figures, kw_only=True):
    """ "" is no strategy: a model by its name."""

    strategy: str


class OfClient(Figures, kw_only=True):
    """Nulls for requests without a client key; of a key that is gone its number alone."""

    client: str | None
    client_id: int | None
    client_key_hash: str | None


class OfOutcome(Figures, kw_only=True):
    outcome: str


class OfErrorKind(Figures, kw_only=True):
    """Of refusals before any attempt the code of the answer."""

    error_kind: str


class OfPosition(Struct):
    """Requests that ended at this place of their fallback chain."""

    position: int
    calls: int


class Bucket(Figures, kw_only=True):
    """`bucket_start`: epoch seconds."""

    bucket_start: float


class Report(Struct, kw_only=True):
    """`…_calls` and the two rates count requests, `…_attempts` and `attempt_…_rate` upstream calls. `source` is `rollup` if any of it came
    from there, else `events`. `start`, `end`: epoch seconds."""

    window_seconds: float
    start: float
    end: float
    source: str
    total_calls: int
    success_calls: int
    failed_calls: int
    cancelled_calls: int
    refused_calls: int
    success_rate: float | None
    fallback_calls: int
    fallback_success: int
    fallback_rate: float | None
    total_attempts: int
    success_attempts: int
    failed_attempts: int
    cancelled_attempts: int
    handed_on_attempts: int
    attempt_success_rate: float | None
    attempt_fallback_rate: float | None
    avg_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None
    p50_ttfb_ms: float | None
    p95_ttfb_ms: float | None
    p99_ttfb_ms: float | None
    total_tokens: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    saved_usd: float | None
    cost_unknown_attempts: int
    saved_unknown_attempts: int
    by_provider: list[OfProvider]
    by_model: list[OfModel]
    by_strategy: list[OfStrategy]
    by_client: list[OfClient]
    by_outcome: list[OfOutcome]
    by_error_kind: list[OfErrorKind]
    by_fallback_position: list[OfPosition]
    time_buckets: list[Bucket]


def _number(allowed: range, description: str, **schema: int) -> JSONObject:
    bounds = {"minimum": allowed[0], "maximum": allowed[-1]}
    return {"type": "integer", **bounds, "description": description, **schema}


IN_BUCKETS: Final = f"How many buckets, {USUAL_BUCKETS} without it. Of `days`, never cut: the most; a bucket a day without it."
QUERY: Final[dict[str, JSONObject]] = {
    "window_seconds": _number(SECONDS, "The last so many seconds.", default=USUAL_SECONDS),
    "days": _number(DAYS, "Instead: the last days of `tz`, today included."),
    "bucket_count": _number(BUCKETS, IN_BUCKETS),
    "to": {**TIME, "description": "The end of the time: now without it."},
    "tz": {
        "type": "string",
        "default": "UTC",
        "description": "Whose days, and of which zone the times in CSV.",
    },
    "provider": several("Of these; empty for refusals."),
    "model": several("Whole names."),
    "strategy": several("Names of strategies."),
    "client": several("Of these client keys, by name or hash."),
    "format": {"type": "string", "enum": list(FORMATS), "default": "json"},
}
USER: Final = {"user": {**TEXT, "minLength": 1, "description": "Of one user, by name or number."}}


def _example() -> JSONObject:
    """Ten requests, one of them answered by the second candidate, made into an answer as any other."""
    until = datetime(2026, 11, 27, 14, tzinfo=UTC)
    answered = Measures(
        attempts=11,
        attempt_successes=10,
        attempt_fallbacks=1,
        requests=10,
        successes=10,
        fallbacks=1,
        rescues=1,
        prompt_tokens=1200,
        completion_tokens=900,
        saved_microusd=2100,
        saved_unknown=1,
        latency_us=4_120_000,
        latency=sketch.histogram([412.0] * 10),
        positions=9 << sketch.BITS | 1 << 2 * sketch.BITS,
    )
    parts = {
        "provider": {"groq": answered},
        "model": {"openai/gpt-oss-120b": answered},
        "strategy": {"auto": answered},
        "client": {"1": answered},
        "outcome": {"success": answered},
    }
    window = of_seconds(3600, 1, until)
    reading = Reading(window.bounds, [answered], Digest(answered, parts))
    return as_json(reading, {1: {"client": "my-app", "client_key_hash": "0" * 64}})


OPERATIONS: Final[dict[Route, Operation]] = {
    ("GET", "/api/analytics"): Operation(
        summary="What became of everybody's requests",
        answer=Report,
        query=QUERY | USER,
        formats=("text/csv",),
        example=_example(),
    ),
    ("GET", "/api/me/analytics"): Operation(
        summary="What became of one's own requests", answer=Report, query=QUERY, formats=("text/csv",)
    ),
}
