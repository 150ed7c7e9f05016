import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.providers.facts import ModelFacts, ProviderFacts
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.types import Preset
from apps.strategies.library import install_builtins


@pytest.fixture
def root(db):
    return get_user_model().objects.create_superuser("root", password="not-a-real-password")


@pytest.fixture
def builtins(db):
    """The shipped strategies in the database."""
    install_builtins()


@pytest.fixture
def api(root, builtins):
    """A client of `/api`, as an administrator."""
    client = APIClient()
    client.force_authenticate(root)
    return client


@pytest.fixture
def catalogue():
    """A process that knows one provider, groq, with the tag `fast` and one free model without vision."""
    model = ModelFacts(
        name="llama-x",
        task="chat",
        capabilities=frozenset({"tools"}),
        context_window=131_072,
        max_output_tokens=None,
        limits=(),
        price=None,
        tags=("large",),
    )
    groq = ProviderFacts(
        name="groq",
        display_name="Groq",
        base_url="https://upstream.test/v1",
        enabled=True,
        requires_key=True,
        is_custom=False,
        weight=1.0,
        tags=("fast",),
        default_model="llama-x",
        preset=Preset(),
        limits=(),
        models=(model,),
    )
    CATALOGUE.value = Catalogue({"groq": groq}, [], frozenset())
    yield CATALOGUE.value
    CATALOGUE.unload()
