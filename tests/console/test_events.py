"""The list of usage events."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.clients import keys
from tests.console.conftest import allow, signed_in, usage_event

LIST = "/admin/analytics/usageeventrow/"


def rows(page) -> list[str]:
    return [event.row.request_id for event in page.context["events"]]


@pytest.fixture
def now():
    return timezone.now()


def test_the_last_day_is_shown_first_and_all_on_demand(alice, now):
    usage_event(alice, at=now, request_id="new")
    usage_event(alice, at=now - timedelta(days=3), request_id="old")
    browser = signed_in(alice)

    assert rows(browser.get(LIST)) == ["new"]
    assert rows(browser.get(LIST, {"span": "week"})) == ["new", "old"]
    assert rows(browser.get(LIST, {"q": "old"})) == ["old"]


def test_a_filter_never_reaches_another_users_events(alice, bob, now):
    usage_event(bob, at=now, request_id="of-bob")

    assert rows(signed_in(alice).get(LIST, {"user": str(bob.pk), "q": "of-bob"})) == []


def test_staff_with_the_permission_filter_by_user(staff, alice, bob, now):
    usage_event(alice, at=now, request_id="a")
    usage_event(bob, at=now, request_id="b")
    browser = signed_in(allow(staff, "view_usageeventrow"))

    assert sorted(rows(browser.get(LIST))) == ["a", "b"]
    assert rows(browser.get(LIST, {"user": str(bob.pk)})) == ["b"]


def test_keys_are_named_and_deleted_ones_are_said_to_be(alice, now):
    key = keys.issue(alice, "app").row
    usage_event(alice, at=now, client_id=key.pk)
    usage_event(alice, at=now, client_id=key.pk + 1)

    shown = signed_in(alice).get(LIST).content.decode()

    assert ">app<" in shown and f"#{key.pk + 1}, deleted" in shown


@pytest.mark.parametrize(
    "query",
    [
        {"next": "x"},
        {"next": "1-2"},
        {"client": "x"},
        {"user": "9" * 30},
        {"span": "century"},
        {"provider": "\x00"},
        {"q": "%"},
        {"error_kind": "'; --"},
    ],
    ids=str,
)
def test_an_odd_address_is_a_page_all_the_same(alice, now, query):
    usage_event(alice, at=now)

    assert signed_in(alice).get(LIST, query).status_code == 200


def test_pages_lead_to_the_next_and_keep_the_filter(alice, now):
    for number in range(101):
        usage_event(alice, at=now - timedelta(seconds=number), outcome="error", error_kind="network")
    browser = signed_in(alice)

    first = browser.get(LIST, {"failed": "1"})
    second = browser.get(LIST + first.context["older"])

    assert "failed=1" in first.context["older"] and not first.context["newest"]
    assert (len(rows(first)), len(rows(second))) == (100, 1)
    assert rows(browser.get(LIST + second.context["newest"])) == rows(first)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"failed": "1"}, {"outcome": "cancelled"}),
        ({"fell_back": "1"}, {"fallback_position": 2}),
        ({"slow": "1"}, {"latency_ms": 5001.0}),
        ({"estimated": "1"}, {"estimated": True}),
        ({"provider": "other"}, {"provider": "other"}),
        ({"error_kind": "network"}, {"outcome": "error", "error_kind": "network"}),
        ({"client": "99"}, {"client_id": 99}),
    ],
    ids=str,
)
def test_filters_leave_what_they_ask_for(alice, now, query, fields):
    usage_event(alice, at=now, latency_ms=10.0)
    usage_event(alice, at=now, request_id="wanted", **fields)

    assert rows(signed_in(alice).get(LIST, query)) == ["wanted"]


def test_a_page_that_looked_at_its_most_says_so_and_leads_further(alice, now, monkeypatch):
    monkeypatch.setattr("apps.analytics.selection.SCAN", 3)
    for number in range(5):
        usage_event(alice, at=now - timedelta(seconds=number))

    page = signed_in(alice).get(LIST, {"failed": "1"})

    assert rows(page) == [] and "Look further" in page.content.decode()


def test_a_row_of_refusals_says_how_many_it_stands_for(alice, now):
    usage_event(alice, at=now, provider="", outcome="refused", error_kind="quota_exhausted", stands_for=1204)

    assert "1,204 ×" in signed_in(alice).get(LIST).content.decode()


def test_the_number_of_queries_does_not_follow_the_number_of_rows(alice, now, django_assert_max_num_queries):
    for number in range(50):
        usage_event(alice, at=now, client_id=number, user_id=alice.pk)
    browser = signed_in(alice)

    with django_assert_max_num_queries(12):
        browser.get(LIST)


def test_nothing_matches_leads_on(alice):
    shown = signed_in(alice).get(LIST, {"provider": "none"}).content.decode()

    assert "No attempt matches" in shown and "Remove all filters" in shown
