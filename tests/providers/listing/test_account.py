"""What a provider tells of an account beside its list."""

import pytest

from apps.providers.listing import sync
from apps.providers.models import LimitEvidence
from apps.providers.offers import load
from tests.providers.listings import (
    chosen,
    fresh,
    read,
    version,
)

pytestmark = pytest.mark.django_db


class TestAccount:
    def test_facts_and_limits_are_kept_with_the_time(self, fake, own, now):
        read(own)

        told = fresh(own).account_facts["account"]
        assert told["facts"]["is_free_tier"] is True
        assert told["facts"]["free_requests_left_today"] == 38
        assert told["read_at"] == sync.now_utc().isoformat()
        assert [
            window.limit
            for offer in load(None).pinned(own.user_id, "openrouter", "openai/gpt-oss-20b:free")
            for window in offer.subject.windows
            if window.span == ("requests", "day")
        ] == [50]
        evidence = LimitEvidence.objects.get()
        assert (evidence.metric, evidence.period, evidence.limit, evidence.source, evidence.model) == (
            "requests",
            "day",
            50,
            "account",
            "",
        )

    def test_a_limit_that_moved_is_announced_and_one_that_did_not_is_not(self, fake, own):
        read(own)
        LimitEvidence.objects.update(limit=1_000)
        before = version()

        read(own)
        read(own)

        assert LimitEvidence.objects.get().limit == 50
        assert version() == before + 1

    def test_an_account_that_cannot_be_read_leaves_the_list_as_it_is(self, fake, user, own):
        fake.script("openrouter", ["error_500"], family="key")

        outcome = read(own)

        assert (outcome.error, bool(chosen(user))) == ("", True)
        assert fresh(own).account_facts["account"]["error"]
