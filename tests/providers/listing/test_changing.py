"""What a list tells otherwise than it did, or than the catalogue does."""

import pytest

from apps.providers.catalogue_files import ModelEntry
from apps.providers.catalogue_sync import sync as sync_catalogue
from apps.providers.models import Provider, ProviderModel
from tests.providers.listings import (
    ENTRIES,
    chosen,
    entry,
    fresh,
    model,
    names,
    read,
    version,
)

pytestmark = pytest.mark.django_db


class TestChanging:
    def test_prices_windows_and_capabilities_follow_the_list(self, fake, own):
        fake.list_models("openrouter", [entry("a/b", price="0.000001", window=8_000)])
        read(own)
        fake.list_models("openrouter", [entry("a/b", price="0.000002", window=16_000, images=True)])

        assert read(own).summary.updated == ["a/b"]
        row = model("a/b")
        assert (row.prompt_microusd, row.context_window, row.capabilities) == (
            2_000_000,
            16_000,
            ["tools", "vision"],
        )

    def test_what_was_free_and_is_not_any_more_is_no_virtual_models(self, fake, user, own):
        fake.list_models("openrouter", [entry("a/b"), entry("a/c")])
        read(own)
        assert chosen(user) == {"a/b", "a/c"}
        fake.list_models("openrouter", [entry("a/b", price="0.000001"), entry("a/c")])

        read(own)

        assert model("a/b").access == "prepaid"
        assert chosen(user) == {"a/c"}

    def test_what_the_list_says_no_more_goes_back_to_the_catalogues_word(self, fake, router, own):
        shipped = {"enabled": True, "task": "chat", "context_window": 1_000, "retires_at": None}
        ProviderModel.objects.create(provider=router, name="a/b", context_window=1_000, shipped=shipped)
        fake.list_models("openrouter", [entry("a/b", window=2_000, expires="2027-01-01")])
        read(own)
        assert (model("a/b").context_window, str(model("a/b").retires_at)) == (2_000, "2027-01-01")
        fake.list_models("openrouter", [entry("a/b", window=None)])

        read(own)

        assert (model("a/b").context_window, model("a/b").retires_at) == (1_000, None)

    @pytest.mark.parametrize("column", ["context_window", "max_output_tokens", "prompt_microusd"])
    def test_an_operators_edit_stays(self, fake, own, column):
        fake.list_models("openrouter", [entry("a/b", price="0.000001")])
        read(own)
        ProviderModel.objects.update(**{column: 77})
        fake.list_models("openrouter", [entry("a/b", price="0.000002", window=16_000, out=99)])

        outcome = read(own)

        assert getattr(model("a/b"), column) == 77
        assert outcome.summary.kept == [f"a/b.{column}"]

    def test_a_model_that_an_operator_disabled_stays_off(self, fake, user, own):
        fake.list_models("openrouter", [entry("a/b"), entry("a/c")])
        read(own)
        ProviderModel.objects.filter(name="a/b").update(enabled=False)

        read(own)

        assert chosen(user) == {"a/c"}

    def test_a_second_reading_writes_no_row_and_announces_nothing(
        self, fake, own, django_assert_max_num_queries
    ):
        fake.list_models("openrouter", [entry(f"a/{number}") for number in range(50)])
        read(own)
        before = version()

        with django_assert_max_num_queries(25):
            outcome = read(own)

        assert not outcome.summary.changes
        assert version() == before

    def test_checking_writes_nothing(self, fake, own):
        fake.list_models("openrouter", [entry("a/b")])

        outcome = read(own, check=True)

        assert outcome.summary.added == ["a/b"]
        assert not names()
        assert (fresh(own).listed_at, fresh(own).account_facts, Provider.objects.get().listed_at) == (
            None,
            {},
            None,
        )

    def test_names_of_a_list_too_long_for_a_database_take_nothing_with_them(self, fake, own):
        fake.list_models("openrouter", [entry("x" * 10**6), entry("a/b"), {"id": None}, "text", entry("a/b")])

        read(own)

        assert names() == {"a/b"}


class TestCatalogueBesideTheList:
    def catalogue(self, *models):
        shipped = ENTRIES["openrouter"]
        return [
            type(shipped)(name="openrouter", display_name="x", base_url="https://x.test/v1", models=models)
        ]

    def row(self):
        return ModelEntry(
            name="openai/gpt-oss-20b:free", context_window=1_000, capabilities=["n"], tags=["mine"]
        )

    def test_told_stands_above_the_catalogue_and_inferred_below(self, fake, own):
        fake.list_models("openrouter", [entry("openai/gpt-oss-20b:free", window=2_000)])
        read(own)
        assert model("openai/gpt-oss-20b:free").tags == ["medium"]

        summary = sync_catalogue(self.catalogue(self.row()))

        row = model("openai/gpt-oss-20b:free")
        assert (row.context_window, row.capabilities, row.tags) == (2_000, ["tools"], ["mine"])
        assert row.inferred == []
        assert not [name for name in summary.kept if "gpt-oss" in name]

    def test_what_leaves_the_catalogue_and_is_listed_stays(self, fake, own):
        sync_catalogue(self.catalogue(self.row()))
        Provider.objects.update(base_url=fake.url("openrouter"), wire=ENTRIES["openrouter"].wire)
        fake.list_models("openrouter", [entry("openai/gpt-oss-20b:free")])
        read(own)

        summary = sync_catalogue(self.catalogue())

        assert summary.disabled == []
        assert model("openai/gpt-oss-20b:free").enabled

    def test_what_leaves_the_catalogue_and_the_list_is_disabled(self, fake, own):
        sync_catalogue(self.catalogue(self.row()))

        summary = sync_catalogue(self.catalogue())

        assert summary.disabled == ["openrouter/openai/gpt-oss-20b:free"]
