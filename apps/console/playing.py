"""What the playground offers to choose from: the models, strategies and providers of one user."""

from typing import NamedTuple

from apps.gateway.config import CONFIG
from apps.providers.offers import CATALOGUE
from apps.strategies.library import STRATEGIES
from apps.strategies.naming import VIRTUAL_MODELS, virtual_name


class Choice(NamedTuple):
    """A value of a field, and what it means."""

    value: str
    hint: str


class Choices(NamedTuple):
    """All that can be chosen. `has_pool`: whether any provider answers but the sandbox."""

    models: list[Choice]
    strategies: list[Choice]
    providers: list[str]
    has_pool: bool


SANDBOX = "sandbox"


def choices_for(user_id: int) -> Choices:
    """From the snapshot of this process; no query."""
    strategies = STRATEGIES.value if STRATEGIES.loaded else {}
    models = [
        Choice(model, f"virtual: {name}") for model, name in VIRTUAL_MODELS.items() if name in strategies
    ]
    custom = sorted(set(strategies) - set(VIRTUAL_MODELS.values()))
    models += [Choice(virtual_name(name), f"virtual: {name}") for name in custom]
    offers = []
    if CATALOGUE.loaded:
        offers = [offer for offer in CATALOGUE.value.offers_for(user_id) if offer.task == "chat"]
    named = {f"{offer.provider}/{offer.model}": offer for offer in offers}
    models += [Choice(name, _hint(named[name].capabilities)) for name in sorted(named)]
    providers = sorted({offer.provider for offer in offers})
    return Choices(
        models,
        [Choice(name, strategies[name].description) for name in sorted(strategies)],
        providers,
        any(provider != SANDBOX for provider in providers),
    )


def default_strategy() -> str:
    """The one of requests that name none."""
    return str(CONFIG.value.default_strategy) if CONFIG.loaded else ""


def _hint(capabilities: frozenset[str]) -> str:
    shown = [
        word for word in ("tools", "vision", "audio", "json_schema", "reasoning") if word in capabilities
    ]
    return "real: " + (", ".join(shown).replace("_", " ") or "text")
