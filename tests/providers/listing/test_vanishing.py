"""Models that a list shows no more, or shows though they are gone."""

from datetime import UTC, datetime

import pytest

from apps.providers.listing import jobs, sync
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import load
from tests.providers.listings import (
    chosen,
    credential,
    entry,
    model,
    provider,
    read,
    version,
)

pytestmark = pytest.mark.django_db


class TestVanishing:
    LISTED = ("a/one", "a/two", "a/three")

    @pytest.fixture(autouse=True)
    def _first(self, fake, own, now):
        fake.list_models("openrouter", [entry(name) for name in self.LISTED])
        read(own)
        now.pass_days(1)

    def test_what_left_the_list_is_closed_with_the_date(self, fake, user, own):
        fake.list_models("openrouter", [entry("a/one"), entry("a/two")])

        outcome = read(own)

        assert outcome.summary.vanished == ["a/three"]
        assert model("a/three").vanished_at == sync.now_utc()
        assert chosen(user) == {"a/one", "a/two"}

    def test_what_vanished_can_still_be_pinned(self, fake, user, own):
        fake.list_models("openrouter", [entry("a/one"), entry("a/two")])
        read(own)

        assert load(None).pinned(user.pk, "openrouter", "a/three")

    def test_what_is_listed_again_is_back(self, fake, user, own):
        fake.list_models("openrouter", [entry("a/one"), entry("a/two")])
        read(own)
        fake.list_models("openrouter", [entry(name) for name in self.LISTED])

        assert read(own).summary.returned == ["a/three"]
        assert model("a/three").vanished_at is None
        assert chosen(user) == set(self.LISTED)

    def test_another_model_is_the_default_where_the_providers_vanished(self, fake, user, router, own):
        Provider.objects.update(default_model="a/three")
        fake.list_models("openrouter", [entry("a/one"), entry("a/two")])
        read(own)

        assert [offer.model for offer in load(None).pool(user.pk).defaults()] == ["a/one"]

    @pytest.mark.parametrize("listed", [[], [{"id": "bad\x00name"}], [5, None]])
    def test_an_empty_list_closes_nothing(self, fake, user, own, listed):
        fake.list_models("openrouter", listed)

        outcome = read(own)

        assert outcome.summary.doubts
        assert chosen(user) == set(self.LISTED)
        assert Provider.objects.get().list_error

    def test_a_list_that_breaks_off_closes_nothing(self, fake, user, own):
        fake.list_models("openrouter", [entry("a/one"), entry("a/two")])
        fake.lists.page_most = 1
        fake.script("openrouter", ["ok", "error_500"], family="models")

        assert read(own).error
        assert chosen(user) == set(self.LISTED)

    @pytest.mark.parametrize("behaviour", ["html_200", "error_500", "error_in_200", "cut", "error_429"])
    def test_what_is_no_list_closes_nothing(self, fake, user, own, behaviour):
        fake.script("openrouter", [behaviour], family="models")

        assert read(own).error
        assert chosen(user) == set(self.LISTED)

    def test_a_list_that_is_suddenly_short_closes_nothing_until_it_stays_so(self, fake, own, user, now):
        fake.list_models("openrouter", [entry(f"a/{number}") for number in range(30)])
        read(own)
        now.pass_days(1)
        fake.list_models("openrouter", [entry("a/0"), entry("a/1")])

        first = read(own)
        now.pass_days(1)
        second = read(own)

        assert first.summary.doubts == ["The list has 2 models, and had 30."]
        assert (len(first.summary.vanished), len(second.summary.vanished)) == (0, 28)
        assert chosen(user) == {"a/0", "a/1"}

    def test_an_operators_own_model_is_not_closed(self, fake, user, router, own):
        ProviderModel.objects.create(provider=router, name="mine", capabilities=["tools"])

        read(own)

        assert "mine" in chosen(user)

    def test_tasks_that_a_list_does_not_cover_are_not_closed(self, fake, user):
        hub = provider(fake, "huggingface")
        ProviderModel.objects.create(
            provider=hub, name="whisper", task="transcription", shipped={"enabled": True}
        )

        read(credential(user, hub, "hf_canary_0123456789"))

        assert model("whisper").vanished_at is None

    def test_an_end_that_was_announced_closes_on_its_day(self, fake, user, own, now):
        fake.list_models(
            "openrouter", [entry("a/one"), entry("a/two", expires="2026-12-01"), entry("a/three")]
        )
        read(own)
        assert "a/two" in chosen(user)
        before = version()

        now.pass_days(3)
        ProviderModel.objects.update(updated_at=datetime(2026, 11, 28, tzinfo=UTC))
        Credential.objects.update(enabled=False)
        jobs.read_due_lists()
        jobs.read_due_lists()
        Credential.objects.update(enabled=True)

        assert version() == before + 1
        assert chosen(user) == {"a/one", "a/three"}


class TestALieInTheList:
    def test_is_known_and_left_to_what_a_call_proves(self, fake, user, own):
        fake.list_models("openrouter", [entry("error_404"), entry("a/b")])

        read(own)

        assert chosen(user) == {"error_404", "a/b"}
        assert model("error_404").confirmed_at is None
