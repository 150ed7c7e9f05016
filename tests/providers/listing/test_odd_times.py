"""What changes while a list is read, and what two lists say of each other that should not be compared."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from apps.core import clock
from apps.providers.credentials import remove_key, set_key
from apps.providers.listing import applying, sync
from apps.providers.listing.fetching import fetch_list
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from apps.providers.presets import parse_preset
from tests.providers.listings import KEY, credential, days, entry, fresh, model, names, provider, read

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
MANY = [entry(f"a/{number}") for number in range(100)]


@pytest.fixture
def at_day(monkeypatch):
    def at(number):
        now = START + days(number).total_seconds()
        monkeypatch.setattr(clock, "now", lambda: now)

    return at


def replace_key(own):
    set_key(own.user, own.provider, KEY + "2")


def move(own):
    Provider.objects.update(base_url="http://127.0.0.1:9/v1")


def set_up_anew(own):
    Credential.objects.update(settings={"account_id": "another"})


def forget_key(own):
    remove_key(own.user, own.provider)


def forget_credential(own):
    Credential.objects.all().delete()


CHANGES = [replace_key, move, set_up_anew, forget_key, forget_credential]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("call", ["fetch_list", "fetch_account"])
def test_what_was_told_to_another_key_or_elsewhere_is_not_taken(fake, own, monkeypatch, call, change):
    fake.list_models("openrouter", [entry("a/b")])
    real = getattr(sync, call)

    def fetch(offer):
        told = real(offer)
        change(own)
        return told

    monkeypatch.setattr(sync, call, fetch)

    outcome = read(own)

    if call == "fetch_list":
        assert names() == set()
        assert outcome.summary.doubts == ["The key or the address was changed meanwhile."]
    assert not LimitEvidence.objects.exists()
    for row in Credential.objects.all():
        assert "account" not in row.account_facts
        assert row.withheld == []


def test_a_failure_is_not_the_new_keys(fake, own, monkeypatch):
    fake.script("openrouter", ["error_401"], family="models")
    real = fetch_list

    def fetch(offer):
        replace_key(own)
        return real(offer)

    monkeypatch.setattr(sync, "fetch_list", fetch)

    assert read(own).error

    assert fresh(own).account_facts == {}


def test_an_empty_list_does_not_make_the_next_short_one_believed(fake, own, at_day):
    for day, entries in enumerate([MANY, [], MANY[:5]]):
        at_day(day)
        fake.list_models("openrouter", entries)
        outcome = read(own)

    assert outcome.summary.doubts == ["The list has 5 models, and had 100."]
    assert not ProviderModel.objects.exclude(vanished_at=None).exists()


def test_a_list_that_stays_short_is_believed_though_one_was_empty(fake, own, at_day):
    for day, entries in enumerate([MANY, MANY[:5], [], MANY[:5]]):
        at_day(day)
        fake.list_models("openrouter", entries)
        outcome = read(own)

    assert len(outcome.summary.vanished) == 95


def test_a_key_that_was_removed_vouches_for_no_model(fake, router, own):
    other = credential(get_user_model().objects.create_user("bob"), router, KEY + "2")
    fake.list_models("openrouter", [entry("a/all"), entry("a/some")])
    read(own)
    read(other)
    remove_key(other.user, router)
    fake.list_models("openrouter", [entry("a/all")])

    read(own)

    assert model("a/some").vanished_at is not None


@pytest.mark.parametrize("turned", [False, True])
def test_names_of_one_model_that_come_together_are_one(fake, turned):
    mistral = credential(get_user_model().objects.create_user("eve"), provider(fake, "mistral"))
    twins = [
        {"id": name, "object": "model", "capabilities": {"completion_chat": True}, "aliases": [alias]}
        for name, alias in (("large-9", "large-9-latest"), ("large-9-latest", "large-9"))
    ]
    fake.list_models("mistral", twins[::-1] if turned else twins)

    read(mistral)
    read(mistral)

    assert len(names()) == 1
    assert ProviderModel.objects.get().vanished_at is None


def test_a_limit_of_the_account_that_is_told_no_more_holds_no_more(fake, own):
    read(own)
    assert LimitEvidence.objects.get().source == "account"
    at = sync.now_utc()
    own.evidence.create(metric="tokens", period="day", limit=9, source="header", at=at)

    applying.apply_account(fresh(own), {"data": {"limit": None}}, parse_preset(own.provider.wire).account, at)

    assert [row.metric for row in LimitEvidence.objects.all()] == ["tokens"]


def test_other_settings_in_the_admin_site_forget_what_was_told_to_the_former(client, fake, own):
    own.user.is_staff = own.user.is_superuser = True
    own.user.save()
    own.provider.wire |= {"settings": ["account_id"]}
    own.provider.save()
    client.force_login(own.user)
    read(own)
    page = f"/admin/providers/credential/{own.pk}/change/"
    form = {"user": own.user_id, "provider": own.provider_id, "limits": "{}", "enabled": ""}

    client.post(page, form | {"settings": '{"account_id": "another"}'})

    assert fresh(own).settings == {"account_id": "another"}
    assert (fresh(own).listed_at, fresh(own).account_facts) == (None, {})
    assert not LimitEvidence.objects.exists()
