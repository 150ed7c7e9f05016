"""Analytics: any time, by anything, down to the single attempts."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.clients import keys
from tests.console.conftest import allow, signed_in, usage_event

pytestmark = pytest.mark.django_db
PAGE = "/admin/traffic/"
EVENTS = "/admin/analytics/usageeventrow/"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def at():
    return timezone.now() - timedelta(hours=2)


@pytest.fixture
def traffic(alice, at):
    usage_event(alice, at=at, provider="acme", model="large", strategy="fastest", latency_ms=200.0)
    usage_event(
        alice, at=at, provider="acme", model="small", strategy="auto", outcome="error", error_kind="network"
    )
    usage_event(alice, at=at, provider="other", model="large", fallback_position=2, latency_ms=900.0)


def told(page):
    assert page.status_code == 200, page
    return page.context["told"]


def rows(page):
    return {part.key: part.number for part in told(page).parts}


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ("provider", {"acme": 2, "other": 1}),
        ("model", {"large": 2, "small": 1}),
        ("strategy", {"": 1, "auto": 1, "fastest": 1}),
        ("outcome", {"success": 2, "error": 1}),
        ("error_kind", {"network": 1}),
        ("client", {"": 3}),
        ("nonsense", {"acme": 2, "other": 1}),
    ],
)
def test_a_break_down_by_each_dimension(alice, traffic, by, found):
    assert rows(signed_in(alice).get(PAGE, {"by": by})) == found


def test_filters_cut_down_all_of_the_page_and_can_be_taken_off(alice, traffic):
    page = signed_in(alice).get(PAGE, {"provider": "acme", "by": "model"})

    assert rows(page) == {"large": 1, "small": 1}
    assert told(page).tiles[0].value == "2"
    ((one, name),) = page.context["filtered"]
    assert (one.name, name, one.without) == ("provider", "acme", "?by=model")


def test_each_row_leads_to_its_attempts_of_the_same_time(alice, traffic, at):
    browser = signed_in(alice)
    usage_event(alice, at=at - timedelta(days=3), provider="acme", request_id="before")
    page = browser.get(PAGE, {"span": "day", "model": "large"})

    events = {part.key: events for part, _, events in page.context["rows"]}
    shown = browser.get(events["acme"]).context["events"]

    assert [(event.row.provider, event.row.model, event.row.request_id) for event in shown] == [
        ("acme", "large", "req_1")
    ]


def test_a_column_narrows_the_time_until_it_is_the_attempts(alice, traffic, at):
    browser = signed_in(alice)
    usage_event(alice, at=at - timedelta(days=3), model="before")
    wide = browser.get(PAGE, {"span": "week", "by": "model"})
    *_, column = (one for one in told(wide).outcomes.columns if any(cell != "0" for cell in one.cells))

    narrow = browser.get(PAGE + column.url)
    assert (rows(narrow), "by=model" in column.url) == ({"large": 2, "small": 1}, True)
    assert narrow.context["asking"].time.length <= timedelta(hours=6)

    finest = next(one for one in told(narrow).outcomes.columns if any(cell != "0" for cell in one.cells))
    assert finest.url.startswith(EVENTS)
    assert len(browser.get(finest.url).context["events"]) == 3


def test_the_time_before_is_compared_where_that_is_asked_for(alice, traffic, at):
    for number in range(6):
        usage_event(alice, at=at - timedelta(days=1, seconds=number))
    browser = signed_in(alice)

    plain = told(browser.get(PAGE, {"span": "day"})).tiles[0]
    compared = told(browser.get(PAGE, {"span": "day", "compare": "1"})).tiles[0]

    assert (plain.value, plain.change) == ("3", None)
    assert (compared.change.word, compared.change.is_up) == ("50 %", False)


def test_others_requests_are_seen_by_who_may(alice, bob, staff, traffic):
    for query in ({}, {"user": str(alice.pk)}):
        assert told(signed_in(bob).get(PAGE, query)).tiles[0].value == "0"
    allow(staff, "view_usageeventrow")

    assert told(signed_in(staff).get(PAGE)).tiles[0].value == "3"
    assert told(signed_in(staff).get(PAGE, {"user": str(bob.pk)})).tiles[0].value == "0"
    page = signed_in(staff).get(PAGE, {"user": str(alice.pk)})
    assert [(one.name, name) for one, name in page.context["filtered"]] == [("user", "alice")]


def test_a_filter_names_no_key_of_somebody_else(alice, bob, traffic):
    key = keys.issue(alice, "secret project").row

    shown = signed_in(bob).get(PAGE, {"client": str(key.pk)}).content.decode()

    assert "secret project" not in shown


def test_the_table_is_the_figures_of_the_page(alice, traffic):
    answer = signed_in(alice).get(f"{PAGE}csv/", {"provider": "acme", "span": "day"})
    lines = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))

    total = next(line for line in lines if line["section"] == "total")
    assert answer["Content-Type"].startswith("text/csv") and total["calls"] == "2"
    assert {line["name"] for line in lines if line["section"] == "model"} == {"large", "small"}


@pytest.mark.parametrize(
    "query",
    [
        {"span": "century", "by": "user_id"},
        {"client": "x", "user": "x"},
        {"client": "9" * 40},
        {"provider": "\0", "model": "%"},
        {"start": "9", "end": "-1"},
        {"from": "2026-11-01", "to": "x"},
        {"model": HOSTILE, "strategy": "'; --", "provider": HOSTILE},
        {"span": "years"},
        {"span": "quarter"},
        {"from": "2026-01-01", "to": "2026-11-20"},
    ],
    ids=str,
)
def test_an_odd_address_is_a_page_all_the_same(alice, traffic, query):
    answer = signed_in(alice).get(PAGE, query)

    assert answer.status_code == 200 and "<script>alert" not in answer.content.decode()
    assert signed_in(alice).get(f"{PAGE}csv/", query).status_code == 200


def test_names_of_others_are_text(alice, at):
    usage_event(alice, at=at, provider="acme", model=HOSTILE)

    shown = signed_in(alice).get(PAGE, {"by": "model"}).content.decode()

    assert "<script>alert" not in shown and "&lt;script&gt;" in shown


def test_nothing_leads_on(alice):
    shown = signed_in(alice).get(PAGE, {"provider": "none"}).content.decode()

    assert "No request in this time" in shown and "Remove all filters" in shown


def test_the_number_of_queries_does_not_follow_the_number_of_rows(alice, at, django_assert_max_num_queries):
    for number in range(50):
        usage_event(alice, at=at, client_id=number, model=f"model-{number}", provider=f"p{number}")
    browser = signed_in(alice)

    with django_assert_max_num_queries(45):
        browser.get(PAGE, {"by": "client"})
