"""Keys of one provider whose lists differ."""

import pytest
from django.contrib.auth import get_user_model

from apps.providers.credentials import set_key
from apps.providers.listing import sync
from apps.providers.models import Provider
from tests.providers.listings import (
    KEY,
    chosen,
    credential,
    entry,
    fresh,
    model,
    provider,
    read,
)

pytestmark = pytest.mark.django_db


pytestmark = pytest.mark.django_db


class TestKeys:
    @pytest.fixture
    def other(self, router):
        return credential(get_user_model().objects.create_user("bob"), router, KEY + "2")

    def test_what_one_key_is_not_shown_is_withheld_from_it_alone(self, fake, user, own, other):
        fake.list_models("openrouter", [entry("a/all"), entry("a/some")])
        read(own)
        fake.list_models("openrouter", [entry("a/all")])

        outcome = read(other)

        assert outcome.summary.withheld == ["a/some"]
        assert model("a/some").vanished_at is None
        assert (chosen(user), chosen(other.user)) == ({"a/all", "a/some"}, {"a/all"})

    def test_what_no_key_is_shown_has_vanished(self, fake, user, own, other):
        fake.list_models("openrouter", [entry("a/all"), entry("a/some")])
        read(own)
        read(other)
        fake.list_models("openrouter", [entry("a/all")])

        first, second = read(own), read(other)

        assert (first.summary.vanished, second.summary.vanished) == ([], ["a/some"])
        assert first.summary.withheld == ["a/some"]

    def test_a_key_whose_list_cannot_be_read_vouches_for_nothing(self, fake, own, other, now):
        fake.list_models("openrouter", [entry("a/all"), entry("a/some")])
        read(own)
        read(other)
        now.pass_days(4)
        fake.list_models("openrouter", [entry("a/all")])

        assert read(own).summary.vanished == ["a/some"]

    def test_another_key_starts_with_nothing_told(self, fake, user, router, own, other):
        fake.list_models("openrouter", [entry("a/all"), entry("a/some")])
        read(other)
        fake.list_models("openrouter", [entry("a/all")])
        read(own)
        assert fresh(own).evidence.exists()
        sync.claim(fresh(own), sync.now_utc())

        set_key(user, router, KEY)
        assert fresh(own).withheld == ["a/some"]
        assert fresh(own).listed_at is not None
        set_key(user, router, KEY + "3")

        row = fresh(own)
        assert (row.withheld, row.account_facts, row.listed_at) == ([], {}, None)
        assert not row.evidence.exists()

    def test_a_refused_key_is_told_to_its_owner_and_not_of_the_provider(self, fake, user, router):
        bad = credential(user, router, "sk-or-v1-bad-0123456789")
        Provider.objects.update(wire=router.wire | {"listing": router.wire["listing"] | {"url": "key"}})

        outcome = read(bad)

        assert "refused the key" in outcome.error
        assert fresh(bad).account_facts["list"]["error"] == outcome.error
        assert Provider.objects.get().list_error == ""

    def test_a_key_for_an_operators_address_goes_to_no_other(self, fake, user):
        hub = provider(fake, "huggingface", shipped={"base_url": "https://router.huggingface.co/v1"})
        hub.wire["listing"]["url"] = fake.url("huggingface") + "/models"
        hub.save()

        outcome = read(credential(user, hub, "hf_canary_0123456789"))

        assert outcome.error
        assert not fake.journal
