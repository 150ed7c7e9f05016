"""What a provider needs beside the key, from PATCH to the URL of an offer."""

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIRequestFactory, force_authenticate

from apps.providers.api.serializers import ProviderPatch
from apps.providers.api.views import MyProvider
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.models import Credential, Provider
from apps.providers.offers import load
from apps.providers.trust import trusted_anew

pytestmark = pytest.mark.django_db
KEY = "cf_test_canary_0123456789abcdef"
ACCOUNT = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _shipped_catalogue():
    sync(read_catalogue())


@pytest.fixture
def user():
    return get_user_model().objects.create_user("ada")


def patch(user, name="cloudflare", **body):
    request = APIRequestFactory().patch(f"/api/me/providers/{name}", body, format="json")
    force_authenticate(request, user)
    response = MyProvider.as_view()(request, name=name)
    return response.status_code, response.data


def urls(user):
    return {offer.base_url for offer in load(None).offers_for(user.pk)}


def test_a_key_alone_is_not_enough_and_the_row_says_what_is_missing(user):
    status, row = patch(user, api_key=KEY)

    assert (status, row["settings"], row["missing_settings"]) == (200, {}, ["account_id"])
    assert load(None).offers_for(user.pk) == ()
    assert not load(None).pinned(user.pk, "cloudflare", "@cf/openai/gpt-oss-120b")


def test_the_account_becomes_part_of_the_url(user):
    status, row = patch(user, api_key=KEY, settings={"account_id": ACCOUNT})

    assert (status, row["settings"], row["missing_settings"]) == (200, {"account_id": ACCOUNT}, [])
    assert urls(user) == {f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/v1"}


def test_other_changes_keep_the_settings_and_an_empty_object_forgets_them(user):
    patch(user, api_key=KEY, settings={"account_id": ACCOUNT})

    _, kept = patch(user, weight=2.0)
    _, forgotten = patch(user, settings={})

    assert kept["settings"] == {"account_id": ACCOUNT}
    assert forgotten["missing_settings"] == ["account_id"]
    assert load(None).offers_for(user.pk) == ()


@pytest.mark.parametrize(
    "value", ["", "a/../../b", "a@evil.test", "a?b", "é", " a", "x" * 101, 5, None, {"a": 1}]
)
def test_refuses_a_value_that_could_lead_elsewhere(user, value):
    status, errors = patch(user, settings={"account_id": value})

    assert status == 400
    assert "account_id" in errors["detail"]["settings"]
    assert not Credential.objects.exists()


def test_refuses_settings_that_the_provider_does_not_have(user):
    assert patch(user, settings={"region": "x"})[0] == 400
    assert patch(user, "groq", settings={"account_id": ACCOUNT})[0] == 400
    assert patch(user, settings="x")[0] == 400


@pytest.mark.parametrize("stored", [[], "x", {"account_id": 5}, {"account_id": "../x"}])
def test_a_stored_value_that_cannot_be_used_counts_as_missing(user, stored):
    set_key(user, Provider.objects.get(name="cloudflare"), KEY)
    Credential.objects.update(settings=stored)

    assert load(None).offers_for(user.pk) == ()


def test_another_account_ends_the_quarantine_of_the_old_one(user):
    patch(user, api_key=KEY, settings={"account_id": ACCOUNT})
    before = load(None)
    patch(user, settings={"account_id": "f" * 32})

    assert tuple(trusted_anew(load(None), before)) == (f"{user.pk}:cloudflare",)


def test_an_operator_may_move_the_template_but_not_invent_settings():
    provider = Provider.objects.get(name="cloudflare")

    def errors(url):
        form = ProviderPatch(data={"base_url": url}, context={"provider": provider})
        form.is_valid()
        return form.errors

    assert not errors("https://proxy.test/{account_id}/ai/v1")
    assert "region" in str(errors("https://{region}.proxy.test/v1"))


def test_a_server_of_ones_own_is_offered_to_those_who_asked_for_it_only(user):
    local = Provider.objects.get(name="ollama")
    local.models.create(name="qwen3:8b", capabilities=["tools"], context_window=32_768)
    other = get_user_model().objects.create_user("eve")

    patch(user, "ollama", enabled=True)

    (offer,) = load(None).offers_for(user.pk)
    assert (offer.provider, offer.model, offer.api_key, offer.is_default) == ("ollama", "qwen3:8b", "", True)
    assert {offer.provider for offer in load(None).offers_for(other.pk)} == {"sandbox"}
