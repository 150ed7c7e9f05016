"""From what the client asked for to a plan: virtual models, strategies, named and pinned models, unknown names."""

import pytest
from msgspec.structs import replace

from apps.core.state.keys import credential_key
from apps.providers.accounts import Account
from apps.providers.offers import Catalogue
from apps.providers.types import Secret
from apps.strategies.definition import parse_definition
from apps.strategies.library import LoadedStrategy, builtins
from apps.strategies.naming import VIRTUAL_MODELS
from apps.strategies.resolver import (
    Defaults,
    UnknownModelError,
    UnknownProviderError,
    UnknownStrategyError,
    resolve,
)
from tests.factories import make_request
from tests.strategies.catalogues import USER, make_catalogue

LIBRARY = {
    entry["name"]: LoadedStrategy(entry["name"], "", parse_definition(entry["definition"]))
    for entry in [*builtins(), {"name": "my-own", "definition": {}}]
}
CATALOGUE = make_catalogue(
    {
        "groq": ["llama-3.3-70b", "openai/gpt-oss-20b"],
        "cerebras": ["llama-3.3-70b", "gpt-oss-20b"],
        "mistral": ["codestral-latest"],
    },
    with_key=["groq", "cerebras"],
)


def plan(model, strategy=None, default="auto", **overrides):
    request = make_request(model=model, strategy=strategy, **overrides)
    return resolve(request, USER, CATALOGUE, LIBRARY, Defaults(strategy=default))


def offered(made):
    return [f"{offer.provider}:{offer.model}" for offer in made.pool]


EVERYTHING = [
    "groq:llama-3.3-70b",
    "groq:openai/gpt-oss-20b",
    "cerebras:llama-3.3-70b",
    "cerebras:gpt-oss-20b",
]


@pytest.mark.parametrize(("model", "strategy"), VIRTUAL_MODELS.items())
def test_virtual_model_selects_its_strategy_among_all_offers(model, strategy):
    made = plan(model)

    assert (made.name, made.virtual_model) == (strategy, model)
    assert offered(made) == EVERYTHING


def test_virtual_model_of_a_custom_strategy():
    made = plan("freeai-my-own")

    assert (made.name, made.strategy.name, made.virtual_model) == ("my-own", "my-own", "freeai-my-own")


def test_virtual_model_wins_over_strategy():
    assert plan("freeai-fast", strategy="cheapest").name == "fastest"


@pytest.mark.parametrize("model", ["freeai-auto", None])
def test_strategy_applies_where_the_model_leaves_the_choice(model):
    made = plan(model, strategy="cheapest")

    assert (made.name, made.strategy.name, made.choice) == ("cheapest", "cheapest", None)
    assert made.virtual_model == (model or "")


def test_default_strategy_applies_where_nothing_is_said():
    assert plan(None, default="cheapest").name == "cheapest"


def test_freeai_auto_means_auto_whatever_the_default():
    assert plan("freeai-auto", default="cheapest").name == "auto"


def test_named_model_is_offered_by_all_who_have_it_and_ranked_by_the_strategy():
    made = plan("llama-3.3-70b", strategy="fastest")

    assert offered(made) == ["groq:llama-3.3-70b", "cerebras:llama-3.3-70b"]
    assert (made.name, made.virtual_model) == ("fastest", "")


def test_named_model_uses_the_default_strategy():
    assert plan("llama-3.3-70b", default="cheapest").name == "cheapest"


def test_provider_and_model_pin():
    assert offered(plan("cerebras/llama-3.3-70b")) == ["cerebras:llama-3.3-70b"]


def test_provider_and_model_pin_with_a_slash_in_the_name():
    assert offered(plan("groq/openai/gpt-oss-20b")) == ["groq:openai/gpt-oss-20b"]


def test_own_name_with_a_slash_comes_before_pinning():
    assert offered(plan("openai/gpt-oss-20b")) == ["groq:openai/gpt-oss-20b"]


@pytest.mark.parametrize("model", ["codestral-latest", "mistral/codestral-latest"])
def test_model_without_a_key_for_it_has_no_offers(model):
    assert offered(plan(model)) == []


def test_user_without_keys_has_no_offers():
    made = resolve(make_request(), 2, CATALOGUE, LIBRARY, Defaults())

    assert list(made.pool) == []


@pytest.mark.parametrize(
    "model", ["gpt-9", "groq/gpt-9", "nobody/gpt-9", "freeai-nothing", "freeai-", "/", ""]
)
def test_unknown_model(model):
    with pytest.raises(UnknownModelError) as caught:
        plan(model)

    assert caught.value.args == (model,)


@pytest.mark.parametrize("model", [None, "freeai-auto", "llama-3.3-70b"])
def test_unknown_strategy(model):
    with pytest.raises(UnknownStrategyError) as caught:
        plan(model, strategy="quickest")

    assert caught.value.args == ("quickest",)


def test_unknown_default_strategy_is_named():
    with pytest.raises(UnknownStrategyError) as caught:
        plan(None, default="gone")

    assert caught.value.args == ("gone",)


def test_unknown_preferred_provider():
    with pytest.raises(UnknownProviderError) as caught:
        plan("freeai-auto", preferred_provider="acme")

    assert caught.value.args == ("acme",)


def test_preferred_provider_without_a_key_is_known():
    assert offered(plan("freeai-fast", preferred_provider="mistral")) == EVERYTHING


def aside(withheld=(), **fields):
    """groq has a model that nobody gets without naming it, beside one that all may get."""
    facts = CATALOGUE.providers["groq"]
    odd = replace(facts.models[1], is_chosen=bool(withheld), **fields)
    account = Account(
        user_id=USER,
        provider="groq",
        key=credential_key(USER, "groq"),
        secret=Secret("gsk_test_canary"),
        withheld=frozenset(withheld),
    )
    return Catalogue({"groq": replace(facts, models=(facts.models[0], odd))}, [account], frozenset({USER}))


@pytest.mark.parametrize(
    "catalogue", [aside(), aside(withheld=["openai/gpt-oss-20b"])], ids=["unknown", "withheld"]
)
def test_model_that_is_not_chosen_by_itself_is_there_for_those_who_name_it(catalogue):
    def models(name):
        made = resolve(make_request(model=name), USER, catalogue, LIBRARY, Defaults())
        return [offer.model for offer in made.pool]

    assert models("freeai-auto") == ["llama-3.3-70b"]
    assert models("groq/openai/gpt-oss-20b") == ["openai/gpt-oss-20b"]
    assert models("openai/gpt-oss-20b") == ["openai/gpt-oss-20b"]


def test_its_own_name_does_not_make_it_cost_money():
    catalogue = aside(access="prepaid")

    made = resolve(make_request(model="openai/gpt-oss-20b"), USER, catalogue, LIBRARY, Defaults())

    assert not made.pool
    assert [offer.model for offer in made.pool.withheld] == ["openai/gpt-oss-20b"]
