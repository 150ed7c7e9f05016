"""A stored key goes to the addresses that it was stored for, and nowhere else: who may edit a provider does not get its users' keys."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework.test import APIClient

from apps.providers import catalogue_sync
from apps.providers.catalogue_files import ProviderEntry
from apps.providers.credentials import put_key, set_key
from apps.providers.destinations import destinations, is_elsewhere
from apps.providers.listing.sync import read_list
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import CATALOGUE, load
from apps.providers.probe import probe_stored

KEY = "acme-key-canary-0123456789"
HERE, THERE = "https://acme.test/v1", "https://evil.test/v1"


@pytest.mark.parametrize(
    ("base_url", "wire", "expected"),
    [
        ("https://acme.test/v1", {}, {"https://acme.test"}),
        ("https://ACME.test:8443/v1", {}, {"https://acme.test:8443"}),
        ("https://{account}.acme.test/v1", {}, {"https://{account}.acme.test"}),
        ("https://acme.test/v1", {"listing": {"url": "../models"}}, {"https://acme.test"}),
        (
            "https://acme.test/v1",
            {
                "probe": {"url": "https://b.test/x"},
                "embeddings": {"base_url": "//c.test"},
                "x": [{"url": "http://d.test"}],
            },
            {"https://acme.test", "https://b.test", "://c.test", "http://d.test"},
        ),
        ("https://[broken/v1", {}, {"https://[broken/v1"}),
    ],
)
def test_all_addresses_of_a_provider_count(base_url, wire, expected):
    assert destinations(base_url, wire) == expected


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("ada")


@pytest.fixture
def acme():
    row = Provider.objects.create(name="acme", display_name="Acme", base_url=HERE, default_model="m")
    ProviderModel.objects.create(provider=row, name="m")
    return row


def move(provider: Provider, **columns) -> None:
    for name, value in columns.items():
        setattr(provider, name, value)
    provider.save()


def own(provider: Provider) -> Credential:
    return Credential.objects.select_related("provider").get(provider=provider)


@pytest.mark.django_db
class TestWhereTheAddressWasChanged:
    @pytest.mark.parametrize(
        "change",
        [
            {"base_url": THERE},
            {"base_url": "http://acme.test/v1"},
            {"base_url": "https://acme.test:444/v1"},
            {"wire": {"embeddings": {"base_url": THERE}}},
            {"wire": {"transcription": {"base_url": "//evil.test"}}},
            {"wire": {"probe": {"url": THERE}}},
            {"wire": {"listing": {"url": THERE}}},
            {"wire": {"account": {"url": THERE}}},
        ],
        ids=str,
    )
    def test_the_key_is_not_used(self, acme, user, change):
        set_key(user, acme, KEY)
        assert load(None).account(user.pk, "acme")

        move(acme, **change)

        catalogue = load(None)
        assert catalogue.account(user.pk, "acme") is None
        assert not catalogue.pool(user.pk)
        (why,) = catalogue.why_unused(user.pk)
        assert "store the key again" in why

    @pytest.mark.parametrize("base_url", ["https://acme.test/v2", "https://Acme.test"])
    def test_another_path_there_is_no_other_address(self, acme, user, base_url):
        set_key(user, acme, KEY)

        move(acme, base_url=base_url)

        assert load(None).account(user.pk, "acme")

    def test_its_owner_is_told(self, acme, user):
        set_key(user, acme, KEY)
        move(acme, base_url=THERE)
        api = APIClient()
        api.force_authenticate(user)
        CATALOGUE.value = load(None)

        for path in ("/api/me/providers/acme", "/api/providers/acme"):
            row = api.get(path).json()
            assert (row["healthy"], row["unhealthy_reason"]) == (False, "address_changed")
            assert "store the key again" in row["unhealthy_detail"]

    def test_storing_it_again_binds_it_anew(self, acme, user):
        set_key(user, acme, KEY)
        move(acme, base_url=THERE)

        set_key(user, acme, KEY)

        assert load(None).account(user.pk, "acme")

    def test_going_back_undoes_it(self, acme, user):
        set_key(user, acme, KEY)
        move(acme, base_url=THERE)
        move(acme, base_url=HERE)

        assert load(None).account(user.pk, "acme")

    def test_a_row_that_put_key_wrote_is_bound(self, acme, user):
        credential = Credential(user=user, provider=acme)
        put_key(credential, KEY)
        credential.save()
        move(acme, base_url=THERE)

        assert is_elsewhere(own(acme))

    def test_an_import_of_the_same_key_leaves_it(self, acme, user, monkeypatch):
        move(acme, key_env=["ACME_API_KEY"])
        monkeypatch.setenv("ACME_API_KEY", KEY)
        set_key(user, acme, KEY)
        move(acme, base_url=THERE)

        kept = io.StringIO()
        call_command("import_provider_keys", user=user.username, stdout=kept)
        assert "another address" in kept.getvalue()
        assert is_elsewhere(own(acme))
        call_command("import_provider_keys", user=user.username, replace=True, stdout=io.StringIO())

        assert not is_elsewhere(own(acme))


@pytest.mark.django_db
class TestNoCallOfOurs:
    @pytest.mark.parametrize("act", ["probe", "list"])
    def test_takes_it_there(self, acme, user, act, fake):
        set_key(user, acme, KEY)
        move(acme, base_url=fake.url("groq"))

        if act == "probe":
            outcome = probe_stored(acme, own(acme), user.pk)
            assert outcome.error is not None
            assert "store the key again" in outcome.error.message
        else:
            assert "store the key again" in read_list(own(acme)).error

        assert not fake.journal


@pytest.mark.django_db
class TestTheCatalogue:
    def entry(self, base_url: str) -> ProviderEntry:
        return ProviderEntry(name="acme", display_name="Acme", base_url=base_url)

    def test_takes_the_keys_along_where_it_moves_a_provider(self, user):
        catalogue_sync.sync([self.entry(HERE)])
        acme = Provider.objects.get(name="acme")
        set_key(user, acme, KEY)

        catalogue_sync.sync([self.entry("https://new.acme.test/v1")])

        assert not is_elsewhere(own(acme))
        assert own(acme).key_origins == ["https://new.acme.test"]

    def test_but_not_those_of_an_edited_address(self, user):
        catalogue_sync.sync([self.entry(HERE)])
        acme = Provider.objects.get(name="acme")
        set_key(user, acme, KEY)
        move(acme, base_url=THERE)

        catalogue_sync.sync([self.entry("https://new.acme.test/v1")])

        assert own(acme).provider.base_url == THERE
        assert is_elsewhere(own(acme))
