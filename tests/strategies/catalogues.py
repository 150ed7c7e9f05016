"""Catalogues of a few providers, for tests that resolve and rank without a database."""

from collections.abc import Mapping, Sequence

from apps.core.state.keys import credential_key
from apps.providers.accounts import Account
from apps.providers.facts import ModelFacts, ProviderFacts
from apps.providers.offers import Catalogue
from apps.providers.types import Preset, Secret

USER = 1


def make_catalogue(models: Mapping[str, Sequence[str]], with_key: Sequence[str] | None = None) -> Catalogue:
    """Provider -> its chat models, the first one its default. `with_key`: where USER has a key, everywhere unless given."""
    providers = {name: _provider(name, names) for name, names in models.items()}
    accounts = [
        Account(user_id=USER, provider=name, key=credential_key(USER, name), secret=Secret("gsk_test_canary"))
        for name in (models if with_key is None else with_key)
    ]
    return Catalogue(providers, accounts, frozenset({USER}))


def _provider(name: str, models: Sequence[str]) -> ProviderFacts:
    return ProviderFacts(
        name=name,
        display_name=name.title(),
        base_url=f"https://{name}.test/v1",
        enabled=True,
        requires_key=True,
        is_custom=False,
        weight=1.0,
        tags=(),
        default_model=models[0],
        preset=Preset(),
        limits=(),
        models=tuple(_model(model) for model in models),
    )


def _model(name: str) -> ModelFacts:
    return ModelFacts(
        name=name,
        task="chat",
        capabilities=frozenset({"tools"}),
        context_window=131_072,
        max_output_tokens=None,
        limits=(),
        price=None,
        tags=(),
    )
