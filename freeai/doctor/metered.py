"""What a running gateway's metrics say."""

from collections import Counter

import msgspec
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from apps.analytics.metrics import LABEL, OTHER
from freeai.doctor import running


class Meter(Struct):
    """One scrape. `calls` by provider and outcome, `tokens` by kind; `started`: the process, UTC epoch seconds."""

    started: float = 0.0
    open: int = 0
    lost: int = 0
    refused: int = 0
    in_flight: int = 0
    calls: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    tokens: Counter[str] = msgspec.field(default_factory=Counter)

    def total(self) -> int:
        """Attempts that ended."""
        return self.calls.total()


def read_meter() -> Meter | None:
    """None where no gateway answers at the address of these settings."""
    text = running.scrape()
    if text is None:
        return None
    meter = Meter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            _take(meter, sample.name, sample.labels, sample.value)
    return meter


def label_of(text: str) -> str:
    """As the metrics write it."""
    return text if LABEL.fullmatch(text) else OTHER


def _take(meter: Meter, name: str, labels: dict[str, str], value: float) -> None:
    match name:
        case "process_start_time_seconds":
            meter.started = value
        case "freeai_attempts_open":
            meter.open = int(value)
        case "freeai_requests_in_flight":
            meter.in_flight = int(value)
        case "freeai_usage_events_lost_total":
            meter.lost = int(value)
        case "freeai_usage_events_refused_total":
            meter.refused = int(value)
        case "freeai_provider_calls_total":
            meter.calls[labels["provider"], labels["outcome"]] = int(value)
        case "freeai_tokens_total":
            meter.tokens[labels["kind"]] += int(value)
