"""Traces by OpenTelemetry: a span for each request to `/v1`, and below it one for each of its attempts.

On where OTEL_EXPORTER_OTLP_ENDPOINT is set, and not imported otherwise. Spans are made when a request is over, of what the attempts told
the feed anyway, so that the way of a request is the same with traces as without. They hold names, figures and outcomes: nothing of a
prompt, an answer or a key. Upstreams are not told of them.
"""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog

from apps.analytics.events import REFUSED, UsageEvent
from apps.gateway import __version__
from apps.gateway.traffic.feed import Feed, Step

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

log = structlog.get_logger("freeai.traces")

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE: Final = "freeai"
MOST_OPEN: Final = 10_000
"""Requests whose attempts are kept until they are over. Those that end elsewhere (the playground's) are forgotten, the oldest first."""
MOST_ATTEMPTS: Final = 100
LEAVING_S: Final = 2.0
"""What a collector that is away may delay a stop."""
SERVER_FAULT: Final = 500
Value = str | int | float | bool


class Spans:
    """The spans of one process. All methods but `close` belong to the event loop; none raises."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("freeai.gateway", __version__)
        self._in_span = trace.set_span_in_context
        self._propagator = TraceContextTextMapPropagator()
        self._server, self._client = trace.SpanKind.SERVER, trace.SpanKind.CLIENT
        self._error = trace.Status(trace.StatusCode.ERROR)
        self._attempts: OrderedDict[str, dict[str, UsageEvent]] = OrderedDict()

    def heard(self, step: Step, event: UsageEvent) -> None:
        """Of an attempt: see `Feed`."""
        if step in ("began", "spoke") or event.request_uuid is None:
            return
        of_request = self._attempts.setdefault(event.request_uuid, {})
        if len(of_request) < MOST_ATTEMPTS or event.id in of_request:
            of_request[event.id] = event
        if len(self._attempts) > MOST_OPEN:
            self._attempts.popitem(last=False)

    def request_ended(
        self, uuid: str, attributes: Mapping[str, Value], traceparent: str, *, began: float, lasted_s: float
    ) -> None:
        """The last byte was sent. `uuid`: the request's own id; `began`: UTC epoch seconds; `traceparent`: the client's header, or ""."""
        attempts = self._attempts.pop(uuid, {})
        try:
            self._tell(attributes, traceparent, (began, began + lasted_s), attempts)
        except Exception:  # whatever it was, the request is not to blame
            log.exception("traces.failed")

    def close(self) -> None:
        """Send what is left, though no longer than LEAVING_S."""
        sending = threading.Thread(target=self._provider.shutdown, name="traces-leave", daemon=True)
        sending.start()
        sending.join(LEAVING_S)

    def _tell(
        self,
        attributes: Mapping[str, Value],
        traceparent: str,
        times: tuple[float, float],
        attempts: Mapping[str, UsageEvent],
    ) -> None:
        route, status = str(attributes["http.route"]), int(attributes["http.response.status_code"])
        span = self._tracer.start_span(
            f"{attributes['http.request.method']} {route}",
            context=self._propagator.extract({"traceparent": traceparent}) if traceparent else None,
            kind=self._server,
            attributes=dict(attributes),
            start_time=_ns(times[0]),
        )
        for event in attempts.values():
            if event.outcome == REFUSED:
                span.set_attribute("error.type", event.error_kind)
            else:
                self._tell_attempt(span, event)
        if status >= SERVER_FAULT:
            span.set_status(self._error)
        span.end(_ns(times[1]))

    def _tell_attempt(self, parent: "Span", event: UsageEvent) -> None:
        told: dict[str, Value | None] = {
            "gen_ai.operation.name": event.endpoint,
            "gen_ai.request.model": event.model,
            "gen_ai.usage.input_tokens": event.prompt_tokens,
            "gen_ai.usage.output_tokens": event.completion_tokens,
            "http.response.status_code": event.upstream_status,
            "error.type": event.error_kind or None,
            "freeai.provider": event.provider,
            "freeai.outcome": event.outcome,
            "freeai.position": event.fallback_position,
            "freeai.is_last": event.is_last,
            "freeai.estimated": event.estimated,
            "freeai.strategy": event.strategy or None,
            "freeai.first_content_ms": event.ttfb_ms,
            "freeai.connect_ms": event.connect_ms,
        }
        span = self._tracer.start_span(
            f"attempt {event.provider}",
            context=self._in_span(parent),
            kind=self._client,
            attributes={name: value for name, value in told.items() if value is not None},
            start_time=_ns(event.at),
        )
        if event.outcome != "success":
            span.set_status(self._error)
        span.end(_ns(event.at + (event.latency_ms or 0.0) / 1000))


ON: Spans | None = None
"""What requests tell; None where nobody asked for traces."""


def wanted() -> bool:
    """Whether the environment asks for traces."""
    return any(os.environ.get(name, "").strip() for name in ENDPOINTS)


def start(feed: Feed) -> None:
    """Trace from now on, if the environment asks for it and the packages are there."""
    global ON
    if not wanted():
        return
    try:
        provider = _provider()
    except ImportError:
        log.error(
            "traces.not_installed",
            remedy="make traces (requirements/otel.txt), or unset OTEL_EXPORTER_OTLP_ENDPOINT.",
        )
        return
    ON = Spans(provider)
    feed.add(ON.heard)
    log.info("traces.on")


def stop(feed: Feed) -> None:
    """Trace no more."""
    global ON
    if ON is not None:
        feed.remove(ON.heard)
        ON.close()
        ON = None


def _provider() -> "TracerProvider":
    """As the environment's OTEL_* variables say. Raises ImportError."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # A collector that is away is a line for what is lost of it, not one for each try.
    logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.ERROR)
    name = os.environ.get("OTEL_SERVICE_NAME", "").strip() or SERVICE
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: name, SERVICE_VERSION: __version__}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
