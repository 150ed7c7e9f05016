"""When lists are read, and how often."""

import pytest
from django.contrib.auth import get_user_model

from apps.providers.credentials import set_key
from apps.providers.listing import jobs, sync
from apps.providers.models import Credential, Provider
from tests.providers.listings import (
    KEY,
    fresh,
)

pytestmark = pytest.mark.django_db


pytestmark = pytest.mark.django_db


class TestSchedule:
    def test_twenty_users_cost_one_call_a_day_each(self, fake, router, now):
        users = get_user_model().objects
        for number in range(20):
            set_key(users.create_user(f"user{number}"), router, f"{KEY}{number}")

        for _ in range(2):
            for _ in range(24):
                jobs.read_due_lists()
                now.seconds += 3600

        keys = [received.headers["authorization"] for received in fake.journal if received.family == "models"]
        assert {keys.count(key) for key in keys} == {2}
        assert len(set(keys)) == 20

    def test_keys_of_one_provider_are_spread(self, fake, router, now):
        for number in range(5):
            set_key(get_user_model().objects.create_user(f"user{number}"), router, f"{KEY}{number}")

        assert [jobs.read_due_lists() for _ in range(4)] == [2, 2, 1, 0]

    def test_a_reading_that_another_process_took_is_left_to_it(self, fake, own, now):
        seen = fresh(own)
        assert sync.claim_as_due(fresh(own), sync.now_utc())

        assert not sync.claim_as_due(seen, sync.now_utc())

    def test_a_button_reads_once_a_minute(self, own, now):
        assert sync.claim(own, sync.now_utc())
        assert not sync.claim(own, sync.now_utc())
        now.seconds += 61
        assert sync.claim(own, sync.now_utc())

    def test_failures_are_tried_again_ever_less_often(self, fake, own, now):
        tried = []
        for day in range(20):
            fake.script("openrouter", ["error_500"], family="models")
            if jobs.read_due_lists():
                tried.append(day)
            now.pass_days(1)

        assert tried == [0, 2, 6, 14]

    def test_a_reading_that_was_cut_off_by_a_restart_is_begun_anew(self, fake, own, now):
        sync.claim(own, sync.now_utc())
        assert jobs.read_due_lists() == 0

        now.seconds += 601

        assert jobs.read_due_lists() == 1
        assert jobs.read_due_lists() == 0

    @pytest.mark.parametrize(
        "off",
        [
            lambda: Credential.objects.update(enabled=False),
            lambda: Credential.objects.update(encrypted_key=""),
            lambda: Provider.objects.update(enabled=False),
            lambda: Provider.objects.update(retired_on="2026-07-30"),
            lambda: Provider.objects.update(base_url="sandbox://local/v1"),
            lambda: Provider.objects.update(wire={"listing": {"url": ""}}),
            lambda: Provider.objects.update(wire={"nonsense": 1}),
        ],
        ids=["credential", "key", "provider", "retired", "sandbox", "no-list", "broken"],
    )
    def test_what_is_not_in_use_is_not_read(self, fake, own, off):
        off()

        assert jobs.read_due_lists() == 0
        assert not fake.journal
