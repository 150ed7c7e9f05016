"""The dashboard's and the alerts' queries find their series in a scrape of a gateway that has served."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes import FakeUpstream
from tests.docker.asked import asked
from tests.docker.files import queries
from tests.docker.inventory import background_work
from tests.e2e import plain, server
from tests.e2e.server import Server, wait_until

pytestmark = pytest.mark.slow

NOBODY = "http://127.0.0.1:9"
NEVER_HERE = {
    "up": "Prometheus makes it",
    "freeai_notices_total": "tells of a webhook",
    "freeai_quota_runs_out_seconds": "is there once a quota runs out",
}
"""Series that a gateway that is well, without a Prometheus, does not have. Their metrics are declared all the same."""

Samples = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    """One where a provider failed until its breaker opened, another answered, whole and streamed, and a request was turned away."""
    running = server.start(tmp_path_factory.mktemp("queries"), "--no-tasks")
    for name, url in (("groq", NOBODY), ("mistral", upstream.url("mistral"))):
        assert running.api("PATCH", f"providers/{name}", json={"base_url": url}).is_success
        assert running.api("PATCH", f"me/providers/{name}", json={"api_key": "k" * 32}).is_success
    for _ in range(4):
        answer = running.chat(model="freeai-auto", preferred_provider="groq")
        assert answer.status_code == 200, answer.text
    assert running.chat(model="freeai-auto", stream=True).status_code == 200
    assert running.chat(model="no-such-model").status_code == 404
    yield running
    running.stop()


def scrape(gateway: Server) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(plain.get(f"{gateway.url}/metrics", timeout=10).text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_every_query_finds_its_series(gateway: Server):
    wait_until(lambda: "freeai_quota_remaining_ratio" in scrape(gateway), seconds=30)
    samples = scrape(gateway)
    missing = set()
    for query in queries().values():
        for series, exact in asked(query).series:
            values = {label: value for label, value in exact.items() if label in ("outcome", "task")}
            if not any(values.items() <= labels.items() for labels in samples.get(series, [])):
                missing.add(series)

    # Those of errors and of failed notices come with the first of their kind.
    assert missing - set(NEVER_HERE) == set()


def test_background_work_is_what_the_inventory_lists(gateway: Server):
    assert {labels["task"] for labels in scrape(gateway)["freeai_background_up"]} - background_work() == set()


def test_routes_are_what_the_queries_take_for_the_client_api(gateway: Server):
    routes = {labels["route"] for labels in scrape(gateway)["freeai_http_requests_total"]}

    assert {route for route in routes if re.fullmatch("v1/.+", route)} == {"v1/chat/completions"}


def test_a_scrape_is_what_promtool_takes(gateway: Server):

    if not (promtool := shutil.which("promtool")):
        pytest.skip("no promtool: apt-get install prometheus")
    text = plain.get(f"{gateway.url}/metrics", timeout=10).text
    ours = "".join(line for line in text.splitlines(keepends=True) if "freeai_" in line)

    ended = subprocess.run(
        [promtool, "check", "metrics"], input=ours, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
