"""The Prometheus metrics of the gateway. Model names and raw paths never become labels; children are kept.

Counting never raises. What every request counts is a plain number until somebody reads it (`tallies`). Where several processes count
(`shared_metrics`), `exposition` adds them up.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Generic, ParamSpec, TypeVar

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from apps.analytics import shared_metrics
from apps.analytics.events import UsageEvent
from apps.analytics.tallies import Level, Spreads, Sums

log = structlog.get_logger("freeai.metrics")

OTHER = "other"
MAX_CHILDREN = 2000  # of one metric: providers times outcomes, routes times methods times statuses
LABEL = re.compile(r"[A-Za-z0-9_./:<>{}*-]{1,100}")
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
CALL_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
REQUEST_BUCKETS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

P = ParamSpec("P")
M = TypeVar("M", bound=MetricWrapperBase)


class Children(dict[tuple[str, ...], M], Generic[M]):
    """The labelled children of `metric`, made at first use. Hostile and surplus values become "other"."""

    def __init__(self, metric: M) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, values: tuple[str, ...]) -> M:
        clean = tuple(value if LABEL.fullmatch(value) else OTHER for value in values)
        if len(self) >= MAX_CHILDREN:
            clean = (OTHER,) * len(values)
        child = self._metric.labels(*clean)
        if clean == values:  # what is hostile is not kept either
            self[values] = child
        return child


shared_metrics.install()

_calls = Children(
    Counter("freeai_provider_calls_total", "Upstream calls by how they ended.", ["provider", "outcome"])
)
_trips = Children(
    Counter("freeai_provider_circuit_breaker_trips_total", "Circuit breakers opened.", ["provider"])
)
_fallbacks = Children(
    Counter(
        "freeai_orchestrator_fallbacks_total",
        "Moves to the next candidate.",
        ["from_provider", "to_provider"],
    )
)
_call_seconds = Children(
    Histogram(
        "freeai_provider_call_duration_seconds",
        "Whole upstream calls.",
        ["provider"],
        buckets=CALL_BUCKETS_S,
    )
)
_first_byte_seconds = Children(
    Histogram(
        "freeai_provider_first_byte_seconds",
        "Time to the first content of streams.",
        ["provider"],
        buckets=CALL_BUCKETS_S,
    )
)
_tokens = Children(
    Counter("freeai_tokens_total", "Tokens used, as the usage ledger has them.", ["provider", "kind"])
)
_turned_away = Children(
    Counter(
        "freeai_requests_turned_away_total",
        "Requests that the gateway refused before any upstream call, by the code of the error.",
        ["kind"],
    )
)
_requests = Children(
    Counter("freeai_http_requests_total", "Answered requests.", ["route", "method", "status"])
)
_request_seconds = Children(
    Histogram(
        "freeai_http_request_duration_seconds",
        "From the request to the last byte of the answer.",
        ["route"],
        buckets=REQUEST_BUCKETS_S,
    )
)
_in_flight = Gauge(
    "freeai_requests_in_flight", "Requests whose last byte was not sent yet.", multiprocess_mode="livesum"
)
_attempts_open = Gauge(
    "freeai_attempts_open",
    "Attempts that hold a reservation, or whose request may go on behind them.",
    multiprocess_mode="livesum",
)
_spool_depth = Gauge(
    "freeai_spool_depth", "Usage events that are not in the database yet.", multiprocess_mode="livesum"
)
_spool_lag = Gauge(
    "freeai_spool_lag_seconds",
    "How long the oldest usage event has waited for the database; 0 when none does.",
    multiprocess_mode="livemax",
)
_spool_bytes = Gauge(
    "freeai_spool_bytes",
    "What they take of the disk; FREEAI_SPOOL_MAX_BYTES is the most.",
    multiprocess_mode="livesum",
)
_events_written = Counter("freeai_usage_events_written_total", "Usage events that the database took.")
_events_refused = Counter(
    "freeai_usage_events_refused_total", "Usage events that no database takes, kept in spool/refused.jsonl."
)
_events_lost = Counter(
    "freeai_usage_events_lost_total", "Usage events for which there was room neither on disk nor in memory."
)
_log_lines_lost = Counter(
    "freeai_log_lines_lost_total", "Log lines that could not be written, or not be made."
)
_state_store = Children(
    Gauge(
        "freeai_state_store_mode",
        "Processes whose state store runs in this mode.",
        ["mode"],
        multiprocess_mode="livesum",
    )
)
_background = Gauge(
    "freeai_background_up",
    "1 while this background work runs, 0 while it waits for its next try.",
    ["task"],
    multiprocess_mode="livemin",
)
_build = Gauge("freeai_build_info", "Always 1.", ["version", "python"], multiprocess_mode="livemax")

_call_sums, _token_sums, _request_sums = Sums(_calls), Sums(_tokens), Sums(_requests)
_call_spreads = Spreads(_call_seconds, CALL_BUCKETS_S)
_first_byte_spreads = Spreads(_first_byte_seconds, CALL_BUCKETS_S)
_request_spreads = Spreads(_request_seconds, REQUEST_BUCKETS_S)
_open_requests = Level(_in_flight)


def harmless(count: Callable[P, None]) -> Callable[P, None]:
    """`count`, never raising: a number that a metric refuses must not change an answer."""

    @wraps(count)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            count(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller has more important things to do
            log.error("metrics.failed", metric=count.__name__, error=str(error)[:200])

    return counted


@harmless
def attempt_ended(event: UsageEvent) -> None:
    """Count one upstream call. Its outcome label is "success" or the error kind."""
    provider = event.provider
    outcome = "success" if event.outcome == "success" else event.error_kind or event.outcome
    _call_sums.add((provider, outcome))
    if event.latency_ms is not None:
        _call_spreads.observe((provider,), event.latency_ms / 1000)
    if event.ttfb_ms is not None:
        _first_byte_spreads.observe((provider,), event.ttfb_ms / 1000)
    if event.prompt_tokens:
        _token_sums.add((provider, "prompt"), event.prompt_tokens)
    if event.completion_tokens:
        _token_sums.add((provider, "completion"), event.completion_tokens)
    if event.cached_tokens:
        _token_sums.add((provider, "cached"), event.cached_tokens)
    if event.reasoning_tokens:
        _token_sums.add((provider, "reasoning"), event.reasoning_tokens)


@harmless
def turned_away(kind: str) -> None:
    """A request was refused before any upstream call."""
    _turned_away[kind,].inc()


@harmless
def breaker_tripped(provider: str) -> None:
    """A circuit breaker of `provider` opened."""
    _trips[provider,].inc()


@harmless
def fell_back(from_provider: str, to_provider: str) -> None:
    """The next candidate is tried."""
    _fallbacks[from_provider, to_provider].inc()


@harmless
def request_started() -> None:
    """Pairs with `request_ended`."""
    _open_requests.move(1)


@harmless
def request_ended(route: str, method: str, status: int, seconds: float) -> None:
    """`route` is the URL pattern's name or text, never the raw path."""
    _open_requests.move(-1)
    _request_sums.add((route, method if method in METHODS else OTHER, str(status)))
    _request_spreads.observe((route,), seconds)


def log_lines_lost(lines: int) -> None:
    """So many log lines never got anywhere. Not `harmless`, which would log."""
    _log_lines_lost.inc(lines)


@harmless
def spool(depth: int, lag_s: float, size: int) -> None:
    """This process's share of what waits for the database, how long the oldest of it has, and its bytes on the disk."""
    _spool_depth.set(depth)
    _spool_lag.set(lag_s)
    _spool_bytes.set(size)


@harmless
def attempts_open(count: int) -> None:
    """So many attempts of this process have begun, and not all of their requests are over."""
    _attempts_open.set(count)


@harmless
def usage_events_written(events: int) -> None:
    """The database took so many; one that it knew already counts again."""
    _events_written.inc(events)


@harmless
def usage_event_refused() -> None:
    """No database takes the event."""
    _events_refused.inc()


@harmless
def usage_events_lost(events: int) -> None:
    """So many attempts will have no row."""
    _events_lost.inc(events)


@harmless
def state_store_mode(mode: str) -> None:
    """This process's state store runs in `mode` from now on."""
    for earlier in _state_store.values():
        earlier.set(0)
    _state_store[mode,].set(1)


@harmless
def background_up(task: str, up: bool) -> None:
    """Whether this process's `task` runs."""
    _background.labels(task).set(up)


@harmless
def build_info(version: str, python: str) -> None:
    """What runs here; once, at start."""
    _build.labels(version, python).set(1)


def exposition() -> tuple[bytes, str]:
    """The metrics of all processes in Prometheus' text format, and its content type."""
    registry = shared_metrics.registry() if shared_metrics.is_shared() else REGISTRY
    return generate_latest(registry), CONTENT_TYPE_LATEST
