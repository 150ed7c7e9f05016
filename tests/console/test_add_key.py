"""A provider key in one step, against an upstream that answers."""

from collections.abc import Iterator

import pytest

from apps.providers.models import Credential, Provider, ProviderModel
from fakes import FakeUpstream
from tests.console.conftest import signed_in
from tests.providers.probed import running

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/pool/add/"
KEY = "gsk_0123456789abcdefghij"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    """In a thread of its own: a test of a key blocks this one."""
    with running(FakeUpstream) as fake:
        yield fake


@pytest.fixture
def acme(db, upstream) -> Provider:
    provider = Provider.objects.create(
        name="acme",
        display_name="Acme",
        base_url=upstream.url("groq"),
        default_model="m",
        wire={"key_prefixes": ["gsk"]},
    )
    ProviderModel.objects.create(provider=provider, name="m")
    return provider


def send(user, act, **fields):
    return signed_in(user).post(ADD, {"provider": "acme", "key": KEY, "act": act, **fields})


def test_testing_stores_nothing_and_tells_what_happened(alice, acme):
    page = send(alice, "test")

    titles = [step.title for step in page.context["steps"]]
    assert titles[:2] == ["Reached 127.0.0.1", "The key is accepted"]
    assert "No chat was sent" in titles
    assert not Credential.objects.exists()
    assert KEY not in page.content.decode()


def test_saving_tests_first_and_stores_what_works(alice, acme):
    page = send(alice, "save")

    credential = Credential.objects.get()
    assert page.url == "/admin/pool/acme/"
    assert (credential.user, credential.key_preview) == (alice, "gsk_***hij")


def test_what_does_not_work_is_stored_only_if_that_is_said(alice, acme):
    acme.base_url = "http://127.0.0.1:9/v1"
    acme.save()

    page = send(alice, "save")
    assert "127.0.0.1 was not reached" in page.content.decode() and not Credential.objects.exists()

    send(alice, "save", anyway="on")
    assert Credential.objects.get().user == alice


@pytest.mark.parametrize("key", ["", "two words", "ключ", "x" * 1001])
def test_what_can_be_no_key_is_refused_before_anything_is_sent(alice, acme, upstream, key):
    before = len(upstream.journal)

    page = send(alice, "save", key=key)

    assert page.context["form"].errors["key"]
    assert len(upstream.journal) == before and not Credential.objects.exists()


def test_a_former_key_and_its_limits_stay_until_the_new_one_is_saved(alice, acme):
    send(alice, "save")
    Credential.objects.update(rpm_limit=7)

    send(alice, "test", key="gsk_another_key_of_the_same")
    assert Credential.objects.get().key_preview == "gsk_***hij"

    send(alice, "save", key="gsk_another_key_of_the_same")
    assert (Credential.objects.get().key_preview, Credential.objects.get().rpm_limit) == ("gsk_***ame", 7)


def test_what_the_provider_needs_beside_the_key_is_asked_for(alice, acme):
    acme.wire = {"settings": ["account_id"]}
    acme.save()

    refused = send(alice, "save", setting_account_id="../elsewhere")
    send(alice, "save", anyway="on", setting_account_id="abc-123")

    assert "setting_account_id" in refused.context["form"].errors
    assert Credential.objects.get().settings == {"account_id": "abc-123"}


def test_a_provider_that_has_ended_takes_no_key(alice, acme):
    acme.retired_on = "2026-01-01"
    acme.save()

    send(alice, "save")

    assert not Credential.objects.exists()


def test_an_unknown_provider_leads_to_the_choice(alice, acme):
    page = signed_in(alice).get(ADD, {"provider": "nobody"})

    assert page.context["chosen"] is None and "Acme" in page.content.decode()


def test_the_part_that_a_script_asks_for_is_the_test_alone(alice, acme):
    part = signed_in(alice).post(
        ADD, {"provider": "acme", "key": KEY, "act": "test"}, headers={"x-part": "1"}
    )

    assert "<html" not in part.content.decode() and "The key works" in part.content.decode()
