"""The dashboard: how the pool is, what is left, what happened, what needs somebody."""

import re
import time
import uuid
from datetime import timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from apps.clients import keys
from apps.console.home import problems
from apps.console.home.picture import Picture, sentence_of
from apps.console.pool import rows_of
from apps.core import snapshot
from apps.core.ids import least_at
from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel
from tests.analytics.examples import ended
from tests.console.conftest import allow, close, signed_in, usage_event, used_within_an_hour

pytestmark = pytest.mark.django_db
PAGE = "/admin/dashboard/"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture
def acme(db) -> Provider:
    provider = Provider.objects.create(
        name="acme",
        display_name="Acme",
        base_url="http://127.0.0.1:9/v1",
        default_model="acme-large",
        limits=[{"metric": "requests", "unit": "day", "limit": 1000, "zone": "America/Los_Angeles"}],
    )
    ProviderModel.objects.create(provider=provider, name="acme-large", capabilities=["tools", "vision"])
    return provider


@pytest.fixture
def credential(alice, acme):
    return set_key(alice, acme, "sk-acme-0123456789")


@pytest.fixture
def traffic(alice):
    """An answer after a fallback, a plain one, and one that failed; an hour ago."""
    at = timezone.now() - timedelta(minutes=30)
    detour = uuid.UUID(int=least_at(at.timestamp()).int | 7 << 76 | 2 << 62 | 1)
    usage_event(
        alice,
        at=at,
        request_id="detour",
        request_uuid=detour,
        outcome="error",
        error_kind="server_error",
        upstream_status=503,
        latency_ms=100.0,
        is_last=False,
    )
    usage_event(
        alice,
        at=at + timedelta(seconds=1),
        request_id="detour",
        request_uuid=detour,
        provider="other",
        fallback_position=2,
        latency_ms=400.0,
        is_last=True,
        saved_microusd=2_000_000,
    )
    usage_event(alice, at=at, request_id="plain", latency_ms=300.0, prompt_tokens=1500)
    usage_event(alice, at=at, request_id="lost", outcome="error", error_kind="network")


def text_of(page) -> str:
    assert page.status_code == 200, page
    return " ".join(page.content.decode().split())


def titles(page) -> list[str]:
    return [problem.title for problem in page.context["picture"].problems]


def test_the_sentence_the_quota_and_the_figures_are_there(alice, credential, traffic, gateway):
    page = signed_in(alice).get(PAGE)

    picture = page.context["picture"]
    assert picture.sentence.tone == "ok" and "Acme takes requests" in picture.sentence.first
    (row,) = picture.left.rows
    assert (row.today.left, row.today.limit, picture.left.total) == (1000, 1000, 1000)
    assert 0 <= row.today.pace <= 1 and row.today.resets_at > picture.at
    assert [tile.value for tile in picture.traffic.tiles[:3]] == ["3", "66.7", "33.3"]
    assert "$2.00" in text_of(page)


def test_each_figure_leads_to_the_attempts_that_it_counts(alice, credential, traffic, gateway):
    browser = signed_in(alice)
    shown = text_of(browser.get(PAGE))

    assert 'href="/admin/analytics/usageeventrow/?span=day&amp;fell_back=1"' in shown
    failed = browser.get("/admin/analytics/usageeventrow/?span=day&failed=1")
    assert {event.row.request_id for event in failed.context["events"]} == {"detour", "lost"}


def test_every_figure_of_ones_own_leads_to_ones_own_attempts(alice, root, credential, traffic, gateway):
    usage_event(root, at=timezone.now() - timedelta(minutes=5), request_id="mine", is_last=True)
    browser = signed_in(root)

    page = browser.get(PAGE, {"whose": "mine"})
    figures = page.content.decode().split('<dl class="card figures"')[1].split("</dl>")[0]
    addresses = [unescape(found) for found in re.findall('href="([^"]+)"', figures)]
    charted = [
        column.url for column in page.context["picture"].traffic.outcomes.columns if column.cells[0] != "0"
    ]

    assert len(addresses) == 6
    for address in (addresses[0], *charted):
        assert [event.row.request_id for event in browser.get(address).context["events"]] == ["mine"]


def test_a_detour_is_told_hop_by_hop(alice, credential, traffic, gateway):
    detours = signed_in(alice).get(PAGE).context["picture"].traffic.detours

    told = {one.request_id: ([hop.words for hop in one.hops], one.why, one.took_ms) for one in detours}
    assert told["detour"] == (["acme 503", "other"], "The provider had a problem of its own.", 500.0)
    assert set(told) == {"detour", "lost"}


def test_a_detour_leads_to_all_that_is_known_of_it(alice, credential, traffic, gateway):
    browser = signed_in(alice)
    shown = browser.get(PAGE).content.decode()

    (address,) = re.findall(
        'href="(/admin/requests/[^"]+)"', shown
    )  # the other one is of before requests had an identity
    assert browser.get(address).status_code == 200


def test_requests_that_share_a_clients_own_id_are_told_apart(alice, credential, gateway):
    now = timezone.now()
    for number in range(3):
        usage_event(
            alice,
            at=now - timedelta(seconds=number),
            request_id="the same",
            request_uuid=uuid.uuid4(),
            outcome="error",
            error_kind="network",
        )

    detours = signed_in(alice).get(PAGE).context["picture"].traffic.detours

    assert [len(one.hops) for one in detours] == [1, 1, 1]


@pytest.mark.parametrize(
    ("reason", "title", "act"),
    [
        ("quarantine", "Acme refuses your key", "Replace key"),
        ("breaker", "Acme is paused", "Try now"),
        ("rate_limited", "Acme is out", "Add another provider"),
        ("payment_required", "Acme: no credit", "Test again"),
    ],
)
def test_what_needs_somebody_comes_with_what_mends_it(alice, credential, gateway, reason, title, act):
    close(gateway, alice, "acme", reason, HOSTILE)

    page = signed_in(alice).get(PAGE)

    problems = {problem.title: problem for problem in page.context["picture"].problems}
    assert act in [each.label for each in problems[title].acts]
    assert problems[title].until is not None
    assert page.context["picture"].sentence.tone == "bad"
    assert "<script>alert" not in text_of(page) and "&lt;script&gt;" in text_of(page)


def test_what_comes_back_next_is_told_once(alice, acme, credential, gateway):
    used_within_an_hour(gateway, alice, "acme", 1200)

    returns = signed_in(alice).get(PAGE).context["picture"].returns

    assert "rest ends" not in [each.what for each in returns]  # the window says what it brings


def test_a_rest_that_ends_comes_back(alice, credential, gateway):
    close(gateway, alice, "acme", "rate_limited")

    assert "rest ends" in [each.what for each in signed_in(alice).get(PAGE).context["picture"].returns]


def test_an_ability_that_nobody_has_now_is_told_while_something_serves(alice, credential, gateway):
    plain = Provider.objects.create(name="plain", base_url="http://127.0.0.1:9/v1", default_model="small")
    ProviderModel.objects.create(provider=plain, name="small")
    set_key(alice, plain, "sk-plain-0123456789")
    snapshot.load_all()
    close(gateway, alice, "acme", "breaker")

    page = signed_in(alice).get(PAGE)

    assert {"Nothing takes images now", "Nothing calls tools now"} <= set(titles(page))
    assert page.context["picture"].sentence.then.endswith("and some requests get an error.")


def test_a_client_key_about_to_expire_is_told_to_its_owner_alone(alice, bob, credential, gateway):
    keys.issue(alice, HOSTILE[:60], expires_at=timezone.now() + timedelta(days=2))
    keys.issue(alice, "later", expires_at=timezone.now() + timedelta(days=20))

    assert len(titles(signed_in(alice).get(PAGE))) == 1
    assert titles(signed_in(bob).get(PAGE)) == []


def test_models_that_are_gone_are_told_to_who_may_change_them(alice, staff, credential, gateway):
    ProviderModel.objects.update(vanished_at=timezone.now(), shipped={"task": "chat"})
    snapshot.load_all()

    assert not [title for title in titles(signed_in(alice).get(PAGE)) if "gone" in title]
    allow(staff, "change_providermodel", "view_providermodel")
    assert "A model is gone from the providers’ lists" in titles(signed_in(staff).get(PAGE))


def test_a_key_whose_provider_moved_needs_its_owner(alice, acme, credential, gateway):
    Provider.objects.filter(pk=acme.pk).update(base_url="https://elsewhere.test/v1")
    snapshot.load_all()

    assert titles(signed_in(alice).get(PAGE)) == ["Acme is at another address"]


def test_usage_events_that_wait_for_the_database_are_told_to_who_runs_the_server(
    alice, root, credential, gateway, monkeypatch
):
    monkeypatch.setattr(problems, "LATE_S", 0.01)
    gateway.spool.end(ended())
    time.sleep(0.02)

    assert "The database takes no usage events" in titles(signed_in(root).get(PAGE))
    assert titles(signed_in(alice).get(PAGE)) == []


def test_nothing_serves_is_said_first(alice, credential, gateway):
    close(gateway, alice, "acme", "breaker")

    sentence = sentence_of(rows_of(alice.pk), [])

    assert (sentence.tone, sentence.first) == ("bad", "Nothing serves.")


def test_others_requests_are_seen_by_who_may(alice, bob, staff, credential, traffic, gateway):
    def requests(user, **query):
        return signed_in(user).get(PAGE, query).context["picture"].traffic.tiles[0].value

    assert (requests(alice), requests(bob), requests(staff)) == ("3", "0", "0")
    assert requests(bob, whose="all") == "0"
    allow(staff, "view_usageeventrow")
    assert (requests(staff), requests(staff, whose="mine")) == ("3", "0")


def test_keys_are_ones_own_even_for_who_sees_all_requests(root, alice, credential, gateway):
    assert signed_in(root).get(PAGE).context["picture"].left.rows == []


def test_a_refresh_within_seconds_reads_the_ledger_once(
    alice, credential, traffic, gateway, django_assert_max_num_queries
):
    browser = signed_in(alice)
    browser.get(PAGE)

    with django_assert_max_num_queries(8) as seen:
        part = browser.get(PAGE, headers={"x-part": "1"})

    assert "<html" not in part.content.decode() and "Left today" in part.content.decode()
    assert not [one for one in seen.captured_queries if "usage_event" in one["sql"]]


def test_nothing_counts_usage_events(alice, credential, traffic, gateway, django_assert_max_num_queries):
    browser = signed_in(alice)

    with django_assert_max_num_queries(35) as seen:
        browser.get(PAGE)

    assert not [
        one for one in seen.captured_queries if "COUNT(*) AS" in one["sql"] and "usage_event" in one["sql"]
    ]


def test_names_of_others_are_text(alice, acme, credential, gateway):
    Provider.objects.filter(pk=acme.pk).update(display_name=HOSTILE[:80])
    ProviderModel.objects.update(name=HOSTILE)
    usage_event(
        alice, at=timezone.now(), model=HOSTILE, provider="acme", virtual_model=HOSTILE[:60], outcome="error"
    )
    snapshot.load_all()

    shown = text_of(signed_in(alice).get(PAGE))

    assert "<script>alert" not in shown and "<img" not in shown and "&lt;script&gt;" in shown


def test_without_a_gateway_in_the_process_nothing_is_made_up(alice, credential):
    page = signed_in(alice).get(PAGE)

    assert page.context["picture"].sentence.first == "No gateway runs in this process."
    assert page.context["picture"].left.rows[0].today is None


def test_an_odd_address_is_the_usual_day(alice, gateway):
    assert signed_in(alice).get(PAGE, {"span": "century", "whose": "x"}).context["span"] == "day"


def test_the_sidebar_of_every_page_says_how_many_things_need_somebody(alice, bob, credential, gateway):
    close(gateway, alice, "acme", "quarantine")

    def number(user):
        return signed_in(user).get("/admin/profile/").context["attention"]

    assert (number(alice), number(bob)) == (1, 0)


def test_requests_without_a_key_are_the_playgrounds_and_no_deleted_keys(alice, credential, gateway):
    usage_event(alice, at=timezone.now() - timedelta(minutes=5), client_id=0, is_last=True)

    browser = signed_in(alice)
    shown = text_of(browser.get(PAGE))
    analytics = text_of(browser.get("/admin/traffic/", {"client": "0"}))

    assert "playground" in shown and "#0, deleted" not in shown
    assert "#0" not in analytics
    assert "1 attempt upstream" in shown


def test_a_window_of_a_second_is_not_told_as_one_of_a_minute(alice, acme, credential, gateway):
    acme.limits = [{"metric": "requests", "unit": "second", "limit": 2}]
    acme.save()
    snapshot.load_all()

    shown = text_of(signed_in(alice).get(PAGE))

    assert "/ s</span>" in shown and "/ min</span>" not in shown


@pytest.mark.parametrize(("rows", "problems", "expected"), [(9, 5, True), (9, 1, False), (1, 0, True)])
def test_what_comes_back_stands_below_the_shorter_column(rows, problems, expected):
    left = SimpleNamespace(rows=[None] * rows)
    parts: Any = {
        "sentence": None,
        "left": left,
        "returns": (),
        "problems": [None] * problems,
        "traffic": None,
    }

    assert Picture(**parts, at=0.0).is_left_shorter is expected
