"""An operator's edits of models that a provider's list tells of: whatever is edited, to whatever value, stays until it is undone."""

import pytest
from django.http import HttpRequest

from apps.providers.admin import reset_to_catalogue
from apps.providers.api.listing import edited_columns
from apps.providers.catalogue_files import ModelEntry
from apps.providers.catalogue_sync import sync as sync_catalogue
from apps.providers.models import Provider, ProviderModel
from tests.providers.listings import ENTRIES, entry, model, read

pytestmark = pytest.mark.django_db

NAME = "acme/llama-3.3-70b:free"
EDITS = [
    ("context_window", 1_000),
    ("context_window", 77),
    ("max_output_tokens", None),
    ("tags", ["mine"]),
    ("capabilities", []),
    ("access", "card"),
    ("prompt_microusd", 5),
    ("task", "embedding"),
    ("enabled", False),
    ("retires_at", None),
]


def catalogue(*models):
    return [
        type(ENTRIES["openrouter"])(
            name="openrouter", display_name="x", base_url="https://x.test/v1", models=models
        )
    ]


def follow(*models):
    """The catalogue with these models, at the fake."""
    at, wire = Provider.objects.values_list("base_url", "wire").get()
    sync_catalogue(catalogue(*models))
    Provider.objects.update(base_url=at, wire=wire)


def listed(fake, **told):
    fake.list_models("openrouter", [entry(NAME, expires="2027-12-31", **told)])


@pytest.mark.parametrize("shipped", [True, False])
@pytest.mark.parametrize(("column", "value"), EDITS)
def test_an_edit_stays_until_it_is_undone(fake, own, column, value, shipped):
    if shipped:
        follow(ModelEntry(name=NAME, context_window=1_000))
    listed(fake)
    read(own)
    before = getattr(model(NAME), column)
    ProviderModel.objects.filter(name=NAME).update(**{column: value})

    read(own)
    if shipped:
        follow(ModelEntry(name=NAME, context_window=2_000))
    read(own)

    assert getattr(model(NAME), column) == value
    assert edited_columns(model(NAME)) == [column]
    reset_to_catalogue(None, HttpRequest(), ProviderModel.objects.all())
    assert getattr(model(NAME), column) == before
    assert edited_columns(model(NAME)) == []


def test_a_model_that_the_catalogue_doubts_and_the_list_has_can_be_turned_off(fake, own):
    follow(ModelEntry(name=NAME, enabled=False))
    listed(fake)
    read(own)
    assert model(NAME).enabled
    ProviderModel.objects.update(enabled=False)

    read(own)

    assert not model(NAME).enabled


def test_what_the_list_tells_does_not_move_with_the_catalogue(fake, own):
    follow(ModelEntry(name=NAME, context_window=65_536))
    listed(fake)
    read(own)

    follow(ModelEntry(name=NAME, context_window=1_000))

    assert model(NAME).context_window == 65_536
    listed(fake, window=2_000)
    assert read(own).summary.updated == [NAME]
    assert model(NAME).context_window == 2_000


def test_what_left_both_comes_back_with_the_list(fake, own):
    follow(ModelEntry(name=NAME, context_window=65_536))
    listed(fake)
    read(own)
    fake.list_models("openrouter", [entry("acme/other")])
    read(own)
    follow()
    assert not model(NAME).enabled
    listed(fake)

    assert read(own).summary.returned == [NAME]

    assert model(NAME).enabled
