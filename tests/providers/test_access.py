"""Who pays: what users are shown and may set of it, and what becomes of the keys of a provider that has ended."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core import clock
from apps.providers import charges
from apps.providers.credentials import set_key
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import CATALOGUE, load

pytestmark = pytest.mark.django_db
KEY = "acme-key-canary-0123456789"
TERM = {"about": "training", "text": "Prompts may be used for training.", "seen": "2026-10-01"}
CLOSED = "It was closed."


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("ada")


@pytest.fixture
def api(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def acme():
    row = Provider.objects.create(
        name="acme",
        display_name="Acme",
        base_url="https://acme.test/v1",
        default_model="large",
        access="prepaid",
        terms=[TERM],
    )
    ProviderModel.objects.create(
        provider=row, name="large", prompt_microusd=1_000_000, completion_microusd=2_000_000
    )
    ProviderModel.objects.create(provider=row, name="gift", access="free")
    return row


def get(api, path):
    CATALOGUE.value = load(None)
    return api.get(path).json()


def end(provider, *, in_days=0):
    provider.retired_on = timezone.now().date() + timedelta(days=in_days)
    provider.retired_because = CLOSED
    provider.save()


def split(user, *, paid=True):
    pool = load(None).pool(user.pk, paid=paid)
    return [offer.model for offer in pool], [offer.model for offer in pool.withheld]


@pytest.mark.parametrize("path", ["/api/me/providers", "/api/providers"])
def test_shows_what_it_costs_what_binds_and_that_it_still_serves(api, acme, path):
    (row,) = get(api, path)
    one = get(api, f"{path}/acme")

    assert row == one
    assert (row["access"], row["terms"], row["retired"]) == ("prepaid", [TERM], None)


def test_nothing_may_be_spent_unless_the_user_says_so(api, acme, user):
    set_key(user, acme, KEY)

    row = api.get("/api/me/providers/acme").json()

    assert (row["use_paid"], row["spend_cap_usd"]) == (False, None)
    assert split(user) == (["gift"], ["large"])


def test_paid_models_are_used_with_a_cap_where_the_operator_lets_users(api, acme, user):
    set_key(user, acme, KEY)

    row = api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": 2.5}, format="json").json()

    assert (row["use_paid"], row["spend_cap_usd"]) == (True, 2.5)
    assert Credential.objects.get().spend_cap_microusd == 2_500_000
    assert split(user) == (["gift", "large"], [])
    assert split(user, paid=False) == (["gift"], ["large"])


@pytest.mark.parametrize(
    "fields",
    [
        {"use_paid": True},
        {"use_paid": True, "spend_cap_usd": None},
        {"spend_cap_usd": -1},
        {"spend_cap_usd": "much"},
        {"spend_cap_usd": 1e12},
    ],
)
def test_paid_models_need_a_cap(api, acme, user, fields):
    set_key(user, acme, KEY)

    answer = api.patch("/api/me/providers/acme", fields, format="json")

    assert answer.status_code == 400
    assert "spend_cap_usd" in answer.json()["detail"]
    assert not Credential.objects.get().use_paid


@pytest.mark.parametrize(("cap_usd", "limit"), [(2.5, 2_500_000), (0.000001, 1)])
def test_the_cap_is_a_month_of_money_that_binds_paid_models_alone(api, acme, user, cap_usd, limit):
    """Of free ones the price is what others take for them."""
    set_key(user, acme, KEY)
    api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": cap_usd}, format="json")

    money = {
        offer.model: [
            (window.period, window.kind, window.limit)
            for window in offer.subject.windows
            if window.metric == "money"
        ]
        for offer in load(None).pool(user.pk, paid=True)
    }

    assert money == {"gift": [], "large": [("month", "fixed", limit)]}


def test_a_cap_of_nothing_allows_nothing(api, acme, user):
    set_key(user, acme, KEY)

    answer = api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": 0}, format="json")

    assert answer.json()["spend_cap_usd"] == 0
    assert split(user) == (["gift"], ["large"])
    (pinned,) = load(None).pinned(user.pk, "acme", "large")
    assert [window.limit for window in pinned.subject.windows if window.metric == "money"] == [1]


def test_what_was_spent_counts_again_after_a_restart(api, acme, user):
    set_key(user, acme, KEY)
    api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": 1}, format="json")
    catalogue = load(None)

    charged = charges.load(catalogue)

    for offer in catalogue.pool(user.pk, paid=True):
        assert set(charged.windows(user.pk, "acme", offer.model)) == set(offer.subject.windows)
    assert "acme" in charged.metered()
    month_s = clock.now() - charged.since(clock.now())["acme"]
    assert month_s <= 31 * 86_400


def test_what_a_paid_model_took_counts_after_it_was_disabled(api, acme, user):
    """Here the provider is free, and this one model is not."""
    Provider.objects.update(access="free")
    acme.models.update(access="prepaid")
    set_key(user, acme, KEY)
    api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": 1}, format="json")
    before = charges.load(load(None)).windows(user.pk, "acme", "large")

    acme.models.update(enabled=False)

    assert charges.load(load(None)).windows(user.pk, "acme", "large") == before
    assert [window.limit for window in before if window.metric == "money"] == [1_000_000]


def test_what_has_no_known_price_cannot_be_held_to_a_cap(api, acme, user):
    set_key(user, acme, KEY)
    api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": 1}, format="json")

    acme.models.filter(name="large").update(prompt_microusd=None)

    assert split(user) == (["gift"], ["large"])


def test_a_cap_cannot_be_taken_away_while_paid_models_are_used(api, acme, user):
    set_key(user, acme, KEY)
    api.patch("/api/me/providers/acme", {"use_paid": True, "spend_cap_usd": 1}, format="json")

    answer = api.patch("/api/me/providers/acme", {"spend_cap_usd": None}, format="json")

    assert answer.status_code == 400
    assert Credential.objects.get().spend_cap_microusd == 1_000_000


def test_the_key_of_a_provider_that_has_ended_stays_and_is_never_used(api, acme, user):
    set_key(user, acme, KEY)
    end(acme)

    mine = api.get("/api/me/providers/acme").json()
    theirs = get(api, "/api/providers/acme")
    tested = api.post("/api/me/providers/acme/test", format="json").json()
    stored = api.patch("/api/me/providers/acme", {"api_key": KEY + "x"}, format="json")

    retired = {"on": acme.retired_on.isoformat(), "because": CLOSED}
    assert (mine["has_key"], mine["enabled"], mine["retired"]) == (True, False, retired)
    assert (theirs["enabled"], theirs["retired"]) == (False, retired)
    assert not tested["ok"]
    assert CLOSED in tested["error"]["message"]
    assert stored.status_code == 400
    assert CLOSED in str(stored.json()["detail"]["api_key"])
    assert split(user) == ([], [])
    assert not load(None).pinned(user.pk, "acme", "gift")
    assert list(load(None).unlisted(user.pk, "acme", "other", "chat")) == []
    assert load(None).why_unused(user.pk) == (acme.ended(),)


def test_a_provider_whose_end_is_announced_still_serves(acme, user):
    set_key(user, acme, KEY)
    end(acme, in_days=2)

    assert split(user) == (["gift"], ["large"])
    assert load(None).why_unused(user.pk) == ()


def test_paid_models_speak_for_a_provider_that_has_no_others(acme, user):
    set_key(user, acme, KEY)
    assert load(None).models_of(user.pk, "acme", "chat") == {"gift"}

    ProviderModel.objects.filter(name="gift").delete()

    assert load(None).models_of(user.pk, "acme", "chat") == {"large"}
