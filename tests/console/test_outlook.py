"""What becomes of an account's quota: the same on every page as in `/api`."""

import pytest

from apps.console.outlook_words import Said, said
from apps.console.pool import rows_of
from apps.console.quota_words import headline
from apps.console.readings import read
from apps.core import clock
from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel
from apps.providers.outlook import outlooks_of, overall
from tests.console.conftest import signed_in, used_within_an_hour

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits():
    return [{"metric": "requests", "unit": "day", "limit": 1000, "kind": "rolling"}]


@pytest.fixture
def acme(alice, limits) -> Provider:
    provider = Provider.objects.create(
        name="acme",
        display_name="Acme",
        base_url="http://127.0.0.1:9/v1",
        default_model="large",
        limits=limits,
    )
    ProviderModel.objects.create(provider=provider, name="large")
    set_key(alice, provider, "sk-acme-0123456789")
    return provider


def outlook(user) -> Said:
    (row,) = rows_of(user.pk)
    assert row.outlook is not None
    return row.outlook


def test_pages_and_api_say_the_same(alice, acme, gateway):
    used_within_an_hour(gateway, alice, "acme", 900)

    of_page = read(alice.pk)["acme"].overall
    of_api = overall(outlooks_of(alice.pk)["acme"])

    assert of_page and of_api and of_page.quota and of_api.quota
    assert (of_page.forecast.state, of_page.quota.window) == ("runs_out", of_api.quota.window)
    assert of_page.forecast.at == pytest.approx(of_api.forecast.at, abs=5)


def test_what_runs_out_is_amber_with_its_time_and_needs_somebody(alice, acme, gateway):
    used_within_an_hour(gateway, alice, "acme", 900)

    found = outlook(alice)
    page = signed_in(alice).get("/admin/dashboard/")
    (problem,) = page.context["picture"].problems

    assert (found.tone, found.word) == ("warn", "Out ≈")
    assert clock.now() < (found.at or 0) < clock.now() + 1800
    assert problem.title == "Acme runs out at about" and problem.at == pytest.approx(found.at, abs=5)
    assert "Out ≈" in signed_in(alice).get("/admin/pool/").content.decode()


def test_what_lasts_is_well(alice, acme, gateway):
    used_within_an_hour(gateway, alice, "acme", 30)

    assert (outlook(alice).tone, outlook(alice).word) == ("ok", "Lasts")


def test_too_little_use_is_no_forecast_and_says_why(alice, acme, gateway):
    gateway.pace.looked(clock.now())

    assert (outlook(alice).word, outlook(alice).tone) == ("No forecast yet", "")
    assert "three uses" in outlook(alice).why


def test_what_is_out_says_until_when(alice, acme, gateway):
    used_within_an_hour(gateway, alice, "acme", 1200)

    (row,) = rows_of(alice.pk)
    assert (row.pill.word[:3], outlook(alice).word) == ("Out", "Out until")
    assert (outlook(alice).at or 0) > clock.now()


@pytest.mark.parametrize("limits", [[]])
def test_without_limits_there_is_nothing_to_say(alice, acme, gateway, limits):
    (row,) = rows_of(alice.pk)
    assert row.outlook is None


@pytest.mark.parametrize(
    "limits",
    [
        [
            {"metric": "requests", "unit": "hour", "limit": 50},
            {"metric": "requests", "unit": "minute", "limit": 5},
        ]
    ],
)
def test_an_even_pace_is_told_of_windows_that_begin_anew_and_last_an_hour(alice, acme, gateway, limits):
    paces = {left.window.period: left.pace for left in read(alice.pk)["acme"].shared}

    assert 0 < (paces["hour"] or 0) <= 1 and paces["minute"] is None


@pytest.mark.parametrize("limits", [[{"metric": "tokens", "unit": "once", "limit": 1_000_000}]])
def test_what_is_given_once_is_told_where_nothing_comes_back(alice, acme, gateway, limits):
    today = headline(read(alice.pk)["acme"])

    assert today is not None
    assert (today.words, today.limit, today.resets_at) == ("tokens once", 1_000_000, None)


def test_nothing_is_said_of_nothing():
    assert said(None, 0.0) is None
