"""Every query of the dashboard and of the alerts parses, and asks for series and labels that the inventory has."""

import pytest

from tests.docker.asked import asked
from tests.docker.files import panels, queries
from tests.docker.inventory import documented, in_code, labels_of

QUERIES = queries()
DEMANDED = {
    "freeai_http_requests_total",
    "freeai_http_request_duration_seconds",
    "freeai_provider_calls_total",
    "freeai_orchestrator_fallbacks_total",
    "freeai_provider_circuit_breaker_trips_total",
    "freeai_quota_remaining_ratio",
    "freeai_spool_lag_seconds",
}


def test_the_inventory_names_every_metric_as_it_is():
    assert sorted(documented()) == sorted(in_code())


def test_it_names_none_twice():
    names = [metric.name for metric in documented()]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", list(QUERIES))
def test_a_query_asks_for_what_there_is(name: str):
    found = asked(QUERIES[name])

    assert found.series
    for series, labels in found.labels.items():
        known = labels_of(series)
        assert known is not None, f"{series} is no metric"
        assert labels - known == set(), series


@pytest.mark.parametrize("query", ["sum(rate(freeai_x[5m])", "rate(freeai_x)", "freeai_x{a=~'('}", ""])
def test_what_does_not_parse_is_told(query: str):
    with pytest.raises(ValueError):  # noqa: PT011 - in the parser's words
        asked(query)


def test_the_dashboard_shows_what_it_has_to():
    shown = {series for name in QUERIES for series, _ in asked(QUERIES[name]).series}

    assert {name for name in DEMANDED if not any(series.startswith(name) for series in shown)} == set()


def test_panels_have_their_own_numbers_and_do_not_overlap():
    places = [panel["gridPos"] for panel in panels()]
    squares = [
        (x, y)
        for at in places
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in panels()}) == len(places)
    assert len(set(squares)) == len(squares)
    assert max(x for x, _ in squares) < 24
