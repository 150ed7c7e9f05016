"""POST /api/me/providers/{name}/test: the key that is stored, and nobody else's."""

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.providers.credentials import set_key, trust
from apps.providers.errors import ErrorKind
from apps.providers.models import Credential, Provider
from apps.providers.probe import probe_request, probe_stored, stored_offer
from tests.providers.probed import failure

KEY = "gsk_test_canary_0123456789abcdef"
BAD_KEY = "gsk_bad_canary_0123456789abcdef"


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice")


@pytest.fixture
def groq(fake, db):
    return Provider.objects.create(
        name="groq", display_name="Groq", base_url=fake.url("groq"), default_model="llama-3.3-70b-versatile"
    )


@pytest.fixture
def as_alice(alice):
    client = APIClient()
    client.force_authenticate(alice)
    return client


@pytest.fixture(autouse=True)
def urlconf(settings):
    settings.ROOT_URLCONF = "apps.providers.api.urls"


def post(client, name, body=None):
    return client.post(f"/me/providers/{name}/test", body, format="json")


def test_post_tests_the_stored_key(as_alice, alice, groq):
    set_key(alice, groq, KEY)

    answer = post(as_alice, "groq")

    body = answer.json()
    assert answer.status_code == 200
    assert body == {
        "ok": True,
        "latency_ms": body["latency_ms"],
        "models_seen": body["models_seen"],
        "error": None,
    }
    assert body["models_seen"] > 0
    assert answer["Cache-Control"] == "no-store"


def test_post_says_why_a_key_does_not_work(as_alice, alice, groq):
    set_key(alice, groq, BAD_KEY)

    answer = post(as_alice, "groq")

    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert answer.json()["error"]["kind"] == "auth"
    assert BAD_KEY not in answer.content.decode()


def test_post_tests_a_disabled_key_too(as_alice, alice, groq):
    set_key(alice, groq, KEY)
    Credential.objects.update(enabled=False)

    assert post(as_alice, "groq").json()["ok"] is True


def test_post_without_a_stored_key_is_400(as_alice, groq, fake):
    answer = post(as_alice, "groq")

    assert answer.status_code == 400
    assert "api_key" in answer.content.decode()
    assert fake.journal == []


def test_post_does_not_use_another_users_key(as_alice, groq, db):
    set_key(get_user_model().objects.create_user("bob"), groq, KEY)

    assert post(as_alice, "groq").status_code == 400


def test_post_for_an_unknown_provider_is_404(as_alice):
    assert post(as_alice, "nobody").status_code == 404


def test_post_takes_no_fields(as_alice, alice, groq):
    set_key(alice, groq, KEY)

    assert post(as_alice, "groq", {"api_key": KEY}).status_code == 400


def test_post_without_credentials_is_refused(groq):
    assert post(APIClient(), "groq").status_code in (401, 403)


def test_post_for_the_sandbox_is_ok(as_alice):
    Provider.objects.create(
        name="sandbox", display_name="Sandbox", base_url="sandbox://local/v1", requires_key=False
    )

    assert post(as_alice, "sandbox").json()["ok"] is True


def test_a_key_of_a_lost_master_key_is_not_sent(alice, groq, fake, settings):
    credential = set_key(alice, groq, KEY)
    settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]

    outcome = probe_stored(groq, credential, alice.pk)

    assert failure(outcome).kind == ErrorKind.AUTH
    assert "enter it again" in failure(outcome).message
    assert fake.journal == []


def test_settings_that_cannot_be_used_are_told(alice, groq, fake):
    groq.wire = {"nonsense": True}

    assert failure(probe_stored(groq, set_key(alice, groq, KEY), alice.pk)).kind == ErrorKind.CLIENT_ERROR


def test_settings_that_are_missing_are_named(alice, groq, fake):
    groq.wire = {"settings": ["account_id"]}
    credential = set_key(alice, groq, KEY)

    assert "account_id" in failure(probe_stored(groq, credential, alice.pk)).message
    assert fake.journal == []

    groq.base_url = "https://a.test/{account_id}/ai/v1"
    groq.wire["probe"] = {"url": "../tokens/verify"}
    credential.settings = {"account_id": "0af3"}
    assert (
        probe_request(stored_offer(groq, credential, alice.pk)).url == "https://a.test/0af3/ai/tokens/verify"
    )


def test_a_key_for_an_operators_own_address_is_not_sent_to_the_catalogues(alice, groq):
    groq.wire = {"probe": {"url": "https://elsewhere.test/whoami"}}
    groq.shipped = {"base_url": "https://api.groq.com/openai/v1"}

    offer = stored_offer(groq, set_key(alice, groq, KEY), alice.pk)
    assert probe_request(offer).url.startswith(groq.base_url)

    groq.shipped = {"base_url": groq.base_url}
    offer = stored_offer(groq, None, alice.pk)
    assert probe_request(offer).url == "https://elsewhere.test/whoami"


def test_good_test_makes_the_key_trusted_from_then_on(as_alice, alice, groq):
    stored = set_key(alice, groq, KEY).trusted_since

    post(as_alice, "groq")

    trusted = Credential.objects.get().trusted_since
    assert stored is not None
    assert trusted is not None
    assert trusted > stored


def test_test_that_fails_changes_nothing(as_alice, alice, groq):
    stored = set_key(alice, groq, BAD_KEY).trusted_since

    post(as_alice, "groq")

    assert Credential.objects.get().trusted_since == stored


def test_key_that_was_replaced_while_the_old_one_was_tested_is_not_trusted_for_it(alice, groq):
    tested = set_key(alice, groq, KEY)
    stored = set_key(alice, groq, BAD_KEY).trusted_since

    trust(tested)

    assert Credential.objects.get().trusted_since == stored


def test_a_service_that_ended_is_not_asked(as_alice, alice, groq, fake):
    set_key(alice, groq, KEY)
    Provider.objects.update(retired_on="2026-07-30", retired_because="everything moved.")

    body = post(as_alice, "groq").json()

    assert (body["ok"], body["error"]["kind"]) == (False, "service_retired")
    assert "ended on 2026-07-30: everything moved." in body["error"]["message"]
    assert fake.journal == []


def test_a_key_without_balance_is_not_trusted_for_being_a_key(as_alice, alice, groq, fake):
    groq.wire = {"probe": {"then_chat": True}}
    groq.save()
    stored = set_key(alice, groq, KEY).trusted_since
    fake.default_behaviour = "error_402"

    body = post(as_alice, "groq").json()

    assert (body["ok"], body["error"]["kind"]) == (False, "payment_required")
    assert Credential.objects.get().trusted_since == stored
