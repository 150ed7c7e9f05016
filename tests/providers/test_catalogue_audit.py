"""The catalogue against what is known of free tiers: no dead model, no default that does not answer, nothing free that needs money."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel
from apps.providers.offers import load

DATA = tomllib.loads((Path(__file__).parent / "data" / "dead_models.toml").read_text())
CATALOGUE = {entry.name: entry for entry in read_catalogue()}
DEAD = {(row["provider"], model) for row in DATA["dead"] for model in row["models"]}
DOUBTFUL = {(row["provider"], model) for row in DATA["doubtful"] for model in row["models"]}
SEEN_OF_LATE = date(2026, 7, 1)


def shipped(*, enabled=False):
    return {
        (entry.name, model.name)
        for entry in CATALOGUE.values()
        for model in entry.models
        if model.enabled or not enabled
    }


def test_no_dead_model_is_in_the_catalogue():
    assert not DEAD & shipped()


def test_doubtful_models_are_off_until_an_operator_turns_them_on():
    assert shipped() >= DOUBTFUL
    assert not DOUBTFUL & shipped(enabled=True)


def test_models_that_were_missed_are_offered():
    assert {(name, model) for name, models in DATA["missed"].items() for model in models} <= shipped(
        enabled=True
    )


def test_every_default_is_one_that_is_known_to_answer():
    assert {name: CATALOGUE[name].default_model for name in DATA["defaults"]} == DATA["defaults"]


def test_nothing_is_free_where_money_is_needed():
    """And what the list calls free is not said to need any."""
    needs = {name: entry.access for name, entry in CATALOGUE.items() if entry.access != "free"}
    differing = [
        f"{entry.name}/{model.name}" for entry in CATALOGUE.values() for model in entry.models if model.access
    ]

    assert needs == DATA["access"]
    assert not differing


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_terms_are_dated_and_keys_have_names(entry):
    assert all(term.seen >= SEEN_OF_LATE for term in entry.terms)
    assert bool(entry.key_env) is bool(entry.confirmed and entry.requires_key and not entry.retired)


def test_every_service_says_when_it_was_last_confirmed():
    looked_at = {model["provider"] for model in DATA["dead"]} | DATA["access"].keys()

    assert not [name for name in sorted(looked_at) if not CATALOGUE[name].confirmed]


def test_no_variable_holds_the_key_of_two_providers():
    names = [name for entry in CATALOGUE.values() for name in entry.key_env]

    assert len(set(names)) == len(names)


def test_a_provider_that_has_ended_offers_nothing():
    github = CATALOGUE["github"]

    assert (github.models, github.default_model) == ((), "")
    assert github.retired is not None
    assert github.retired.on == date(2026, 7, 30)


@pytest.mark.django_db
def test_keys_of_all_providers_offer_no_dead_model_and_for_free_no_paid_one():
    user = get_user_model().objects.create_user("ada")
    sync(read_catalogue())
    for provider in Provider.objects.filter(requires_key=True):
        set_key(user, provider, "any-key-canary-0123456789")

    catalogue = load(None)
    pools = [catalogue.pool(user.pk, task) for task in ("chat", "embedding", "transcription")]

    offered = {(offer.provider, offer.model) for pool in pools for offer in (*pool, *pool.withheld)}
    assert not (DEAD | DOUBTFUL) & offered
    assert not {offer.provider for pool in pools for offer in pool} & set(DATA["access"])
    assert {offer.provider for pool in pools for offer in pool.withheld} <= set(DATA["access"])


@pytest.mark.django_db
def test_an_installation_that_had_them_loses_the_dead_models_and_keeps_the_keys():
    user = get_user_model().objects.create_user("ada")
    sync(read_catalogue())
    old = Provider.objects.get(name="github")
    Provider.objects.filter(pk=old.pk).update(
        retired_on=None,
        retired_because="",
        default_model="openai/gpt-4o",
        shipped={**old.shipped, "retired_on": None, "retired_because": "", "default_model": "openai/gpt-4o"},
    )
    row = {"task": "chat", "enabled": True}
    ProviderModel.objects.create(provider=old, name="openai/gpt-4o", shipped=row, **row)
    set_key(user, old, "ghp-key-canary-0123456789")
    assert [offer.model for offer in load(None).pool(user.pk)] == ["openai/gpt-4o"]

    summary = sync(read_catalogue())

    assert summary.disabled == ["github/openai/gpt-4o"]
    old.refresh_from_db()
    assert (old.default_model, old.retired_on) == ("", date(2026, 7, 30))
    assert not load(None).pool(user.pk)
    assert user.credentials.get().encrypted_key
