"""The catalogue follows its files, and an operator's edits survive."""

import io
import json
from datetime import date

import pytest
from django.core.management import CommandError, call_command

from apps.core.models import SnapshotVersion
from apps.providers.catalogue_files import (
    ModelEntry,
    ProviderEntry,
    Retirement,
    Term,
    read_catalogue,
)
from apps.providers.catalogue_sync import Changes, sync
from apps.providers.models import Provider, ProviderModel

pytestmark = pytest.mark.django_db


def entry(*models, **fields):
    fields = {"display_name": "Acme", "base_url": "https://acme.test/v1", "default_model": "one"} | fields
    return ProviderEntry(name="acme", models=models or (ModelEntry(name="one"),), **fields)


def model(name="one", **fields):
    return ModelEntry(name=name, **fields)


def provider_row():
    return Provider.objects.get(name="acme")


def model_row(name="one"):
    return ProviderModel.objects.get(provider__name="acme", name=name)


def version():
    return SnapshotVersion.objects.get(section="providers").version


def test_adds_providers_and_models():
    summary = sync([entry(model(prompt_usd=0.59, completion_usd=0.79))])

    assert summary.added == ["acme", "acme/one"]
    assert provider_row().base_url == "https://acme.test/v1"
    assert model_row().prompt_microusd == 590_000


def test_takes_the_shipped_catalogue_where_none_is_given():
    sync()

    assert set(Provider.objects.values_list("name", flat=True)) == {entry.name for entry in read_catalogue()}


def test_a_second_run_writes_nothing_and_announces_nothing(django_assert_num_queries):
    catalogue = read_catalogue()
    sync(catalogue)
    before = version()

    with django_assert_num_queries(5):  # savepoint, lock, providers, models, release
        summary = sync(catalogue)

    assert (summary.added, summary.updated, summary.disabled) == ([], [], [])
    assert version() == before


def test_the_number_of_queries_does_not_depend_on_the_number_of_changes(django_assert_max_num_queries):
    few, many = [model(f"m{i}") for i in range(3)], [model(f"m{i}") for i in range(40)]
    sync([entry(*many, default_model="m0")])

    with django_assert_max_num_queries(9):
        sync([entry(*few, default_model="m0", weight=2.0)])

    assert ProviderModel.objects.filter(enabled=True).count() == 3


def test_announces_what_it_changed():
    sync([entry()])
    before = version()

    sync([entry(weight=2.0)])

    assert version() == before + 1


def test_moves_columns_that_nobody_edited():
    sync([entry(weight=1.0)])

    summary = sync([entry(model(context_window=8_000), weight=2.0)])

    assert summary.updated == ["acme", "acme/one"]
    assert (provider_row().weight, model_row().context_window) == (2.0, 8_000)


def test_keeps_an_edited_column_and_moves_the_others():
    sync([entry(weight=1.0, tags=["old"])])
    Provider.objects.update(weight=5.0)

    summary = sync([entry(weight=2.0, tags=["new"])])

    assert summary.kept == ["acme.weight"]
    assert (provider_row().weight, provider_row().tags) == (5.0, ["new"])


def before_columns(row, *names):
    """The row as a release wrote it that did not know these columns."""
    for name in names:
        setattr(row, name, getattr(type(row)(), name))
        del row.shipped[name]
    row.save()


def test_a_column_that_an_earlier_release_did_not_know_follows_the_catalogue():
    catalogue = [
        entry(
            model(access="free", retires_at=date(2027, 5, 7)),
            access="prepaid",
            key_env=["ACME_KEY"],
            terms=(Term(about="use", text="Not for business.", seen=date(2026, 10, 1)),),
            retired=Retirement(on=date(2026, 7, 30), because="It was closed."),
        )
    ]
    sync(catalogue)
    before_columns(provider_row(), "access", "key_env", "terms", "retired_on", "retired_because")
    before_columns(model_row(), "access", "retires_at")

    summary = sync(catalogue)

    assert summary.kept == []
    row = provider_row()
    assert (row.access, row.key_env, row.retired_on) == ("prepaid", ["ACME_KEY"], date(2026, 7, 30))
    assert (len(row.terms), row.retired_because) == (1, "It was closed.")
    assert (model_row().access, model_row().retires_at) == ("free", date(2027, 5, 7))


def test_what_was_written_into_such_a_column_stays():
    sync([entry(access="prepaid")])
    before_columns(provider_row(), "access")
    Provider.objects.update(access="card")

    summary = sync([entry(access="prepaid")])

    assert (provider_row().access, summary.kept) == ("card", ["acme.access"])


def test_keeps_an_edit_through_many_changes_of_the_catalogue():
    sync([entry(weight=1.0)])
    Provider.objects.update(weight=5.0)

    for weight in (2.0, 3.0, 4.0):
        sync([entry(weight=weight)])

    assert provider_row().weight == 5.0


def test_follows_the_catalogue_again_after_an_edit_was_undone():
    sync([entry(weight=1.0)])
    Provider.objects.update(weight=5.0)
    sync([entry(weight=2.0)])
    Provider.objects.update(weight=2.0)

    sync([entry(weight=3.0)])

    assert provider_row().weight == 3.0


def window(metric, unit, limit, **fields):
    return {"metric": metric, "unit": unit, "limit": limit, **fields}


PER_ACCOUNT = [
    window("requests", "minute", 30),
    window("requests", "day", 14_400),
    window("tokens", "day", 500),
]
PER_MODEL = [
    window("requests", "minute", 20, models=["whisper-*"], each=True),
    window("requests", "minute", 30, each=True),
    window("requests", "day", 1_000, each=True),
    window("tokens", "minute", 8_000, each=True),
]


@pytest.mark.parametrize(
    ("edited", "kept"),
    [
        (
            [window("requests", "minute", 10), *PER_ACCOUNT[1:]],
            [window("requests", "minute", 10), *PER_MODEL[2:]],
        ),
        ([*PER_ACCOUNT, window("requests", "hour", 5)], [*PER_MODEL, window("requests", "hour", 5)]),
        (PER_ACCOUNT[1:], PER_MODEL[2:]),
        (PER_ACCOUNT[::-1], PER_MODEL),
        ("broken", "broken"),
    ],
    ids=["changed", "added", "removed", "moved", "unreadable"],
)
def test_an_edit_of_one_window_leaves_the_others_to_the_catalogue(edited, kept):
    """Here the provider turns out to count each model, and an account's former ceilings do not exist."""
    sync([entry(limits=PER_ACCOUNT)])
    Provider.objects.update(limits=edited)

    for _ in range(2):
        sync([entry(limits=PER_MODEL)])

        assert provider_row().limits == kept


def test_a_window_of_a_model_that_was_edited_stays_as_well():
    sync([entry(model(limits=PER_ACCOUNT))])
    ProviderModel.objects.update(limits=[window("requests", "minute", 10), *PER_ACCOUNT[1:]])

    sync([entry(model(limits=[window("requests", "day", 7)]))])

    assert model_row().limits == [window("requests", "day", 7), window("requests", "minute", 10)]


def test_keeps_a_provider_disabled_that_an_operator_disabled():
    sync([entry()])
    Provider.objects.update(enabled=False)

    sync([entry(weight=2.0)])

    assert not provider_row().enabled


def test_disables_and_does_not_delete_a_model_that_left_the_catalogue():
    sync([entry(model("one"), model("two"))])

    summary = sync([entry(model("one"))])

    assert summary.disabled == ["acme/two"]
    assert not model_row("two").enabled


def test_leaves_a_gone_model_alone_that_an_operator_enabled_again():
    sync([entry(model("one"), model("two"))])
    sync([entry(model("one"))])
    ProviderModel.objects.filter(name="two").update(enabled=True)

    summary = sync([entry(model("one"))])

    assert summary.disabled == []
    assert model_row("two").enabled


def test_enables_a_model_that_came_back():
    sync([entry(model("one"), model("two"))])
    sync([entry(model("one"))])

    sync([entry(model("one"), model("two"))])

    assert model_row("two").enabled


def test_disables_a_provider_that_left_the_catalogue_with_its_models():
    sync([entry()])

    summary = sync([])

    assert summary.disabled == ["acme", "acme/one"]
    assert not provider_row().enabled


def test_leaves_custom_providers_and_their_models_alone():
    custom = Provider.objects.create(name="acme", base_url="https://mine.test/v1", is_custom=True)
    ProviderModel.objects.create(provider=custom, name="mine")

    summary = sync([entry()])

    assert summary.skipped == ["acme"]
    assert (provider_row().base_url, list(custom.models.values_list("name", "enabled"))) == (
        "https://mine.test/v1",
        [("mine", True)],
    )


def test_leaves_models_alone_that_an_operator_added_to_a_catalogue_provider():
    sync([entry()])
    ProviderModel.objects.create(provider=provider_row(), name="mine", context_window=5)

    sync([entry()])
    sync([entry(model("one"), model("mine", context_window=9))])

    assert (model_row("mine").enabled, model_row("mine").context_window) == (True, 5)


def test_finding_the_changes_writes_nothing():
    changes = Changes([entry()])

    assert not changes.is_empty
    assert not Provider.objects.exists()


class TestCommand:
    def run(self, *arguments):
        out = io.StringIO()
        call_command("sync_catalogue", *arguments, stdout=out)
        return out.getvalue()

    def test_loads_the_shipped_catalogue(self):
        summary = json.loads(self.run("--json"))

        assert "groq/openai/gpt-oss-120b" in summary["added"]
        assert Provider.objects.get(name="groq").default_model == "openai/gpt-oss-120b"

    def test_check_exits_with_one_and_changes_nothing_when_out_of_sync(self):
        with pytest.raises(SystemExit) as exit_:
            self.run("--check")

        assert exit_.value.code == 1
        assert not Provider.objects.exists()

    def test_check_is_content_after_a_sync(self):
        self.run()

        assert "added: 0" in self.run("--check")

    def test_exits_with_two_for_an_invalid_catalogue(self, tmp_path):
        (tmp_path / "acme.toml").write_text("name = 1")

        with pytest.raises(CommandError, match=r"acme\.toml") as error:
            self.run("--folder", str(tmp_path))

        assert error.value.returncode == 2
