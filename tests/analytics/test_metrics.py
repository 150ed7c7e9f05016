import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, Histogram
from prometheus_client.parser import text_string_to_metric_families

from apps.analytics import metrics, quota_metrics, tallies
from tests.analytics.examples import begun, ended


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"outcome": "success"}, "success"),
        ({"outcome": "error", "error_kind": "rate_limited"}, "rate_limited"),
        ({"outcome": "cancelled", "error_kind": "cancelled"}, "cancelled"),
        ({"outcome": "cancelled"}, "cancelled"),
    ],
)
def test_calls_are_counted_by_success_or_error_kind(fields: dict, outcome: str):
    before = sample("freeai_provider_calls_total", provider="groq", outcome=outcome)

    metrics.attempt_ended(ended(**fields))

    assert sample("freeai_provider_calls_total", provider="groq", outcome=outcome) == before + 1


def test_durations_and_tokens_are_recorded_in_seconds_and_by_kind():
    event = ended(
        provider="nobody-else",
        latency_ms=1500.0,
        ttfb_ms=250.0,
        prompt_tokens=7,
        completion_tokens=5,
        cached_tokens=2,
    )

    metrics.attempt_ended(event)

    assert sample("freeai_provider_call_duration_seconds_sum", provider="nobody-else") == 1.5
    assert sample("freeai_provider_first_byte_seconds_sum", provider="nobody-else") == 0.25
    tokens = {
        kind: sample("freeai_tokens_total", provider="nobody-else", kind=kind)
        for kind in ("prompt", "cached")
    }
    assert tokens == {"prompt": 7, "cached": 2}


def test_what_was_not_measured_is_not_observed():
    metrics.attempt_ended(begun(provider="unmeasured", latency_ms=None, prompt_tokens=0))

    assert sample("freeai_provider_call_duration_seconds_count", provider="unmeasured") == 0
    assert sample("freeai_provider_calls_total", provider="unmeasured", outcome="interrupted") == 1


def test_the_names_of_the_reference_are_exposed():
    metrics.attempt_ended(ended())
    metrics.breaker_tripped("mistral")
    metrics.fell_back("mistral", "groq")
    metrics.build_info("1.2.3", "3.11")
    metrics.spool(3, 1.5, 4096)

    body, content_type = metrics.exposition()

    assert content_type.startswith("text/plain")
    lines = body.decode().splitlines()
    for beginning in (
        'freeai_provider_calls_total{outcome="success",provider="groq"} ',
        'freeai_provider_circuit_breaker_trips_total{provider="mistral"} ',
        'freeai_orchestrator_fallbacks_total{from_provider="mistral",to_provider="groq"} ',
        'freeai_build_info{python="3.11",version="1.2.3"} 1.0',
        "freeai_spool_depth 3.0",
        "freeai_spool_lag_seconds 1.5",
        "freeai_spool_bytes 4096.0",
        "freeai_usage_events_written_total ",
        "freeai_usage_events_refused_total ",
        "freeai_usage_events_lost_total ",
        "freeai_requests_in_flight ",
    ):
        assert any(line.startswith(beginning) for line in lines), beginning


def test_requests_in_flight_go_up_and_down():
    before = sample("freeai_requests_in_flight")

    metrics.request_started()
    during = sample("freeai_requests_in_flight")
    metrics.request_ended("v1/nobody/else", "POST", 200, 0.1)

    assert (during, sample("freeai_requests_in_flight")) == (before + 1, before)
    counted = sample("freeai_http_requests_total", route="v1/nobody/else", method="POST", status="200")
    assert counted == 1


def test_hostile_label_values_become_other_and_are_not_kept():
    children = len(metrics._requests)
    before = sample("freeai_http_requests_total", route="other", method="other", status="404")

    for number in range(50):
        metrics.request_started()
        metrics.request_ended(f'a"b\n{number}', f"METHOD{number}", 404, 0.1)

    assert sample("freeai_http_requests_total", route="other", method="other", status="404") == before + 50
    assert len(metrics._requests) == children


def test_the_number_of_children_is_bounded(monkeypatch: pytest.MonkeyPatch):
    metrics.breaker_tripped("known")
    monkeypatch.setattr(metrics, "MAX_CHILDREN", len(metrics._trips) + 2)

    for number in range(10):
        metrics.breaker_tripped(f"flood-{number}")
    metrics.breaker_tripped("known")

    assert sample("freeai_provider_circuit_breaker_trips_total", provider="other") == 8
    assert sample("freeai_provider_circuit_breaker_trips_total", provider="known") == 2


def test_quotas_replace_what_was_known_at_the_scrape_before():
    quota_metrics.quotas_remaining([("groq", "requests/day", 0.5)])
    metrics.exposition()

    quota_metrics.quotas_remaining([("gemini", "tokens/minute", 0.25)])
    body, _ = metrics.exposition()

    lines = [line for line in body.decode().splitlines() if line.startswith("freeai_quota_remaining_ratio{")]
    assert lines == ['freeai_quota_remaining_ratio{provider="gemini",window="tokens/minute"} 0.25']


def test_windows_are_bounded_however_many_providers_there_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "MAX_CHILDREN", 3)

    quota_metrics.quotas_remaining((f"provider-{number}", "requests/day", 0.5) for number in range(10))
    body, _ = metrics.exposition()

    assert body.decode().count("freeai_quota_remaining_ratio{") == 3


def test_the_state_store_is_in_one_mode_at_a_time():
    metrics.state_store_mode("redis")
    metrics.state_store_mode("degraded")

    assert sample("freeai_state_store_mode", mode="redis") == 0
    assert sample("freeai_state_store_mode", mode="degraded") == 1


WORKER = """
from apps.analytics import metrics, quota_metrics, tallies
from tests.analytics.examples import ended
metrics.attempt_ended(ended())
metrics.request_started()
quota_metrics.quotas_remaining([("groq", "requests/day", 0.5)])
metrics.state_store_mode("redis")
print(metrics.exposition()[0].decode())
"""


def test_several_processes_are_added_up(tmp_path: Path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", WORKER], env=environment, capture_output=True, check=True, text=True
        ).stdout
        for _ in range(2)
    ]

    values = {
        entry.name: entry.value
        for family in text_string_to_metric_families(outputs[-1])
        for entry in family.samples
        if entry.labels.get("outcome", "success") == "success"
    }
    assert values["freeai_provider_calls_total"] == 2
    assert values["freeai_requests_in_flight"] == 2
    assert values["freeai_quota_remaining_ratio"] == 0.5
    assert values["freeai_state_store_mode"] == 2


def test_what_nobody_reads_stays_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tallies, "MOST_WAITING", 3)

    for number in range(20):
        metrics.attempt_ended(ended(provider=f"bounded-{number}", latency_ms=10.0 * number))

    assert all(len(each._sums) <= 3 for each in tallies._pouring.tallies if isinstance(each, tallies.Sums))
    assert sample("freeai_provider_calls_total", provider="bounded-7", outcome="success") == 1
    assert sample("freeai_provider_call_duration_seconds_sum", provider="bounded-7") == 0.07


@pytest.mark.parametrize("seconds", [0.005, 0.0051, 0.1, 299.0, 300.0, 1e9])
def test_an_observation_is_in_the_bucket_that_the_library_chooses(seconds: float):
    library = Histogram("of_the_library", "", registry=None, buckets=metrics.REQUEST_BUCKETS_S)
    library.observe(seconds)

    metrics.request_ended(f"v1/bucket/{seconds}", "POST", 200, seconds)

    [family] = library.collect()
    for entry in family.samples:
        if not entry.name.endswith("_created"):
            ours = entry.name.replace("of_the_library", "freeai_http_request_duration_seconds")
            assert sample(ours, route=f"v1/bucket/{seconds}", **entry.labels) == entry.value


@pytest.mark.parametrize("tokens", [-1, 10**400, "many"])
def test_a_number_that_no_counter_takes_changes_nothing(tokens: object):
    before = sample("freeai_tokens_total", provider="odd", kind="prompt")

    metrics.attempt_ended(ended(provider="odd", prompt_tokens=tokens, completion_tokens=0))

    assert sample("freeai_tokens_total", provider="odd", kind="prompt") == before
