"""A gateway that is told of a collector sends it spans; one whose collector is away serves and stops all the same."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e import server
from tests.e2e.server import free_port, wait_until

pytestmark = pytest.mark.slow


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and keeps the names of spans and the service that sent them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.names: list[str] = []
        self.services: set[str] = set()

    def take(self, body: bytes) -> None:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                each.value.string_value
                for each in of_resource.resource.attributes
                if each.key == "service.name"
            }
            self.names += [span.name for scope in of_resource.scope_spans for span in scope.spans]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.take(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody listens."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_a_request_arrives_at_the_collector(collector: Collector, data_dir: Path):
    gateway = server.start(
        data_dir,
        "--no-tasks",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_address[1]}",
        OTEL_BSP_SCHEDULE_DELAY="100",
        OTEL_SERVICE_NAME="of-the-test",
    )

    assert gateway.chat().status_code == 200

    wait_until(lambda: len(collector.names) >= 2, seconds=30)
    assert gateway.stop() == 0
    assert sorted(collector.names) == ["POST v1/chat/completions", "attempt sandbox"]
    assert collector.services == {"of-the-test"}


def test_what_waits_is_sent_at_the_stop(collector: Collector, data_dir: Path):
    gateway = server.start(
        data_dir,
        "--no-tasks",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_address[1]}",
        OTEL_BSP_SCHEDULE_DELAY="600000",
    )
    gateway.chat()

    assert gateway.stop() == 0
    assert "attempt sandbox" in collector.names


def test_a_collector_that_is_away_changes_nothing(data_dir: Path):
    gateway = server.start(
        data_dir,
        "--no-tasks",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    answers = {gateway.chat().status_code for _ in range(5)}
    log = data_dir / "console.log"
    wait_until(lambda: "Failed to export" in log.read_text(), 30)

    assert gateway.stop() == 0  # and in time, or it raises
    assert answers == {200}
    assert "Transient error" not in log.read_text()  # a line for what is lost, none for each try


def test_every_line_of_a_request_has_its_id(data_dir: Path):
    gateway = server.start(data_dir, "--no-tasks", FREEAI_LOG_FORMAT="json")
    answer = gateway.chat()
    gateway.stop()

    lines = [
        json.loads(line)
        for line in (data_dir / "console.log").read_text().splitlines()
        if line.startswith("{")
    ]
    (request,) = [line for line in lines if line["event"] == "request" and line["route"].startswith("v1/")]
    assert request["request_id"] == answer.headers["x-request-id"]
