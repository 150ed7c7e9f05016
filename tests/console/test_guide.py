"""What is missing until a real answer came through."""

import pytest
from django.utils import timezone

from apps.accounts.models import Profile
from apps.clients import keys
from apps.providers.credentials import set_key
from apps.providers.models import Provider
from tests.console.conftest import signed_in, usage_event

pytestmark = pytest.mark.django_db
PAGE = "/admin/guide/"


def step(user):
    return signed_in(user).get(PAGE).context["steps"].now


def test_each_step_is_done_in_turn_and_the_dashboard_follows(alice, acme):
    browser = signed_in(alice)
    assert (step(alice), browser.get("/admin/").headers["location"]) == (2, PAGE)

    set_key(alice, acme, "sk-acme-0123456789")
    assert step(alice) == 3

    keys.issue(alice, "app")
    assert step(alice) == 4

    usage_event(alice, provider="sandbox", at=timezone.now())
    usage_event(alice, outcome="error", at=timezone.now())
    assert (step(alice), browser.get("/admin/").headers["location"]) == (4, PAGE)

    usage_event(alice, at=timezone.now(), latency_ms=214.0)
    assert (step(alice), browser.get("/admin/").headers["location"]) == (5, "/admin/dashboard/")
    assert "214 ms" in browser.get(PAGE).content.decode()


def test_anothers_answer_is_not_mine(alice, bob, acme):
    set_key(alice, acme, "sk-acme-0123456789")
    set_key(bob, acme, "sk-acme-9876543210")
    keys.issue(bob, "app")
    usage_event(alice, at=timezone.now())

    assert step(bob) == 4


def test_it_can_be_hidden_and_brought_back(alice):
    browser = signed_in(alice)

    assert browser.get(f"{PAGE}hide/").status_code == 405
    browser.post(f"{PAGE}hide/")

    assert browser.get("/admin/").headers["location"] == "/admin/dashboard/"
    assert browser.get(PAGE).status_code == 200
    Profile.objects.update(hides_guide=False)
    assert browser.get("/admin/").headers["location"] == PAGE


def test_it_suggests_those_that_give_the_most_for_nothing(alice):
    def provider(name, limit, **fields):
        limits = [{"metric": "requests", "unit": "day", "limit": limit, **fields.pop("window", {})}]
        row = Provider.objects.create(name=name, base_url="http://x.test", limits=limits, **fields)
        row.models.create(name="one")
        row.models.create(name="two")

    for number in range(5):
        provider(f"p{number}", 100 + number)
    provider("card", 100_000, access="card")
    provider("keyless", 100_000, requires_key=False)
    provider("off", 100_000, enabled=False)
    provider("each", 300, window={"each": True})

    suggested = signed_in(alice).get(PAGE).context["steps"].suggestions

    assert [(one.provider.name, a_day) for one, a_day in suggested] == [
        ("each", 600),
        ("p4", 104),
        ("p3", 103),
        ("p2", 102),
    ]


def test_commands_are_for_who_runs_the_server(alice, root):
    assert "manage.py" not in signed_in(alice).get(PAGE).content.decode()
    assert "manage.py issue_client_key" in signed_in(root).get(PAGE).content.decode()


def test_the_steps_alone_are_a_part(alice):
    part = signed_in(alice).get(PAGE, headers={"x-part": "1"}).content.decode()

    assert "<html" not in part and "Store a provider key" in part
