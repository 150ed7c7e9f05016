"""What can be asked for: the virtual models for everybody, strategies and reachable models for a client key."""

from typing import Final

from apps.clients.keys import Principal
from apps.core.json_types import JSONObject
from apps.gateway.attempts.permissions import may_select, may_use
from apps.gateway.wire.errors import ApiError
from apps.providers.offers import CATALOGUE
from apps.providers.types import Offer
from apps.strategies.library import STRATEGIES
from apps.strategies.naming import BUILTIN_NAMES, VIRTUAL_MODELS, is_virtual, selected_by, virtual_name

OWN = "freeai"
CREATED = 1_767_225_600  # 2026-01-01: the list does not change with time
CONTEXT_LENGTH = 131_072
LONG_CONTEXT_LENGTH = 1_048_576
VIRTUAL_ABILITIES: Final = frozenset({"tools", "vision", "reasoning"})


def public() -> list[JSONObject]:
    """The virtual models, which everybody may see."""
    library = STRATEGIES.value
    return [
        _model(
            name,
            OWN,
            library[strategy].description if strategy in library else strategy,
            LONG_CONTEXT_LENGTH if strategy == "long_context" else CONTEXT_LENGTH,
        )
        for name, strategy in VIRTUAL_MODELS.items()
    ]


def allowed(principal: Principal) -> list[JSONObject]:
    """All that a client key may ask for: virtual models, the user's custom strategies, and reachable models."""
    models = [model for model in public() if may_select(principal, model["id"], selected_by(model["id"]))]
    models += [
        _model(virtual_name(name), OWN, strategy.description, CONTEXT_LENGTH)
        for name, strategy in sorted(STRATEGIES.value.items())
        if name not in BUILTIN_NAMES and may_select(principal, virtual_name(name), name)
    ]
    models += [
        _model(
            f"{offer.provider}/{offer.model}",
            offer.provider,
            f"{offer.model} at {offer.provider}",
            offer.context_window,
        )
        for offer in _reachable(principal.user_id)
        if may_use(principal, offer)
    ]
    return models


def _reachable(user_id: int) -> tuple[Offer, ...]:
    """What costs money included: these names pin it."""
    pool = CATALOGUE.value.pool(user_id)
    return pool.offers + pool.withheld


def find(name: str, models: list[JSONObject], asked: str) -> JSONObject:
    """The model of the name. Raises ApiError(404), in which it is called as the client `asked` for it."""
    for model in models:
        if name in (model["id"], model["id"].removeprefix(f"{model['owned_by']}/")):
            return model
    raise ApiError(404, f"The model `{asked[:200]}` does not exist.", code="model_not_found", param="model")


def _model(name: str, owner: str, description: str, context_length: int) -> JSONObject:
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": owner,
        "description": description,
        "context_length": context_length,
    }


def abilities(name: str, user_id: int | None) -> frozenset[str]:
    """What a model can do that was found here. A virtual one finds who can."""
    if is_virtual(name):
        return VIRTUAL_ABILITIES
    offers = _reachable(user_id) if user_id is not None else ()
    named = [offer for offer in offers if f"{offer.provider}/{offer.model}" == name]
    return frozenset(ability for offer in named for ability in offer.capabilities)
