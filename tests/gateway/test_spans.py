"""Traces: a span a request, one an attempt below it, and nothing where nobody asked for them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from apps.gateway.traffic import spans
from apps.gateway.traffic.feed import Feed
from apps.gateway.traffic.spans import Spans
from tests.analytics.examples import begun, ended
from tests.asgi import Answer
from tests.gateway.conftest import Gateway

PROMPT = "a prompt that nobody else may read"
CHAT = {"messages": [{"role": "user", "content": PROMPT}]}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What was sent."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "ON", Spans(provider))
    yield exporter
    provider.shutdown()


@pytest.fixture
def traced(gateway: Gateway, exported: InMemorySpanExporter) -> Gateway:
    assert spans.ON is not None
    gateway.runtime.feed.add(spans.ON.heard)
    return gateway


async def chat(gateway: Gateway, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    body = json.dumps(CHAT | fields).encode()
    return await gateway.client.request("POST", "/v1/chat/completions", body, headers)


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_request_with_a_fallback_is_three_spans(traced: Gateway, exported: InMemorySpanExporter):
    traced.add("groq", "error_500")
    traced.add("mistral")

    answer = await chat(traced, {"x-request-id": "mine-1"})

    found = by_name(exported)
    request = found["POST v1/chat/completions"]
    assert answer.status == 200 and set(found) == {
        "POST v1/chat/completions",
        "attempt groq",
        "attempt mistral",
    }
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "v1/chat/completions",
        "http.response.status_code": 200,
        "freeai.request_id": "mine-1",
    }
    for name, outcome, position in (("groq", "error", 1), ("mistral", "success", 2)):
        attempt = found[f"attempt {name}"]
        told: dict[str, Any] = dict(attempt.attributes or {})
        assert attempt.parent is not None and request.context is not None
        assert attempt.parent.span_id == request.context.span_id
        assert (told["freeai.outcome"], told["freeai.position"]) == (outcome, position)
        assert request.start_time and attempt.start_time and attempt.end_time and request.end_time
        assert (
            request.start_time - 5_000_000
            <= attempt.start_time
            <= attempt.end_time
            <= request.end_time + 5_000_000
        )
    assert (found["attempt groq"].attributes or {})["error.type"] == "server_error"
    assert not found["attempt groq"].status.is_ok


async def test_no_prompt_no_answer_and_no_key_is_in_them(traced: Gateway, exported: InMemorySpanExporter):
    traced.add("groq")

    answer = await chat(traced, user="ada@example.com")

    text = "".join(span.to_json() for span in exported.get_finished_spans())
    assert (
        PROMPT not in text
        and "ada@example.com" not in text
        and "key-of-groq" not in text
        and "fai_" not in text
    )
    assert answer.json["choices"][0]["message"]["content"] not in text


async def test_a_stream_is_told_when_it_is_over(traced: Gateway, exported: InMemorySpanExporter):
    traced.add("groq")

    await chat(traced, stream=True)

    attempt = by_name(exported)["attempt groq"]
    assert (attempt.attributes or {})["freeai.first_content_ms"] >= 0  # type: ignore[operator]


async def test_a_client_that_traces_is_the_parent(traced: Gateway, exported: InMemorySpanExporter):
    traced.add("groq")

    await chat(traced, {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    await chat(traced, {"traceparent": "nonsense"})

    ours, other = [span for span in exported.get_finished_spans() if span.name.startswith("POST")]
    assert ours.parent is not None and f"{ours.parent.trace_id:032x}" == TRACE
    assert other.parent is None


async def test_a_request_that_nobody_serves_says_why(traced: Gateway, exported: InMemorySpanExporter):
    traced.add("groq")

    await chat(traced, model="no-such-model")
    await traced.client.get("/livez")

    (only,) = exported.get_finished_spans()
    assert (only.attributes or {})["http.response.status_code"] == 404


def test_requests_that_never_end_here_are_forgotten(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(spans, "MOST_OPEN", 5)
    told = spans.ON
    assert told is not None

    for number in range(20):
        told.heard("over", ended(begun(request_uuid=f"{number:032x}")))

    assert len(told._attempts) == 5


class Away(SpanExporter):
    """A collector that takes its time."""

    def export(self, _: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        time.sleep(60)


def test_a_collector_that_hangs_does_not_delay_a_stop(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spans, "LEAVING_S", 0.05)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Away()))
    feed = Feed()
    monkeypatch.setattr(spans, "ON", Spans(provider))

    began = time.monotonic()
    spans.stop(feed)

    assert time.monotonic() - began < 20
    assert spans.ON is None


def test_packages_that_are_not_there_are_told_and_stop_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    feed = Feed()

    spans.start(feed)

    assert spans.ON is None and feed.listeners == ()


def test_nothing_of_it_is_imported_when_off():
    program = (
        "import freeai.entrance as e; e.enter(); import apps.gateway.edge.observation, apps.gateway.runtime; "
        "from apps.gateway.traffic import spans; from apps.gateway.traffic.feed import Feed; spans.start(Feed()); import sys; "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    ended_ = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)

    assert ended_.returncode == 0, ended_.stderr
