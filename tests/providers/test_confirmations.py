"""When a model last gave a real answer: noted in memory, written an hour apart."""

import pytest

from apps.core import clock
from apps.providers import confirmations
from apps.providers.confirmations import EVERY_S, Confirmations
from apps.providers.models import Provider, ProviderModel

NOON = 1_795_780_800.0


@pytest.fixture
def at(monkeypatch):
    """Sets the clock."""

    def moved(now):
        monkeypatch.setattr(clock, "now", lambda: now)

    moved(NOON)
    return moved


@pytest.fixture
def model(db):
    provider = Provider.objects.create(name="groq-two", base_url="https://upstream.test/v1")
    return ProviderModel.objects.create(provider=provider, name="llama")


def confirmed(model):
    at = ProviderModel.objects.get(pk=model.pk).confirmed_at
    return at and at.timestamp()


def test_what_answered_is_written_with_one_query_a_provider(at, model, django_assert_num_queries):
    answers = Confirmations()
    for name in ("llama", "gemma", "a name of the client's"):
        for _ in range(3):
            answers.note("groq-two", name)

    with django_assert_num_queries(1):
        answers.write()

    assert confirmed(model) == NOON
    with django_assert_num_queries(0):
        answers.write()


def test_it_is_written_again_after_an_hour_and_no_sooner(at, model):
    answers = Confirmations()
    answers.note("groq-two", "llama")
    answers.write()

    at(NOON + EVERY_S - 1)
    answers.note("groq-two", "llama")
    answers.write()
    soon = confirmed(model)
    at(NOON + EVERY_S)
    answers.write()

    assert (soon, confirmed(model)) == (NOON, NOON + EVERY_S)


def test_only_so_many_are_kept(at, model, monkeypatch):
    monkeypatch.setattr(confirmations, "MOST_MODELS", 2)
    answers = Confirmations()

    for name in ("one", "two", "llama"):
        answers.note("groq-two", name)
    answers.write()

    assert confirmed(model) is None
