"""From a parsed request to a Call: permissions, plan, rules, deadline."""

import asyncio

from apps.clients.keys import Principal
from apps.core import clock
from apps.gateway.calls import Call
from apps.gateway.config import CONFIG
from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.offers import CATALOGUE
from apps.providers.types import ChatRequest
from apps.strategies.library import STRATEGIES
from apps.strategies.ranking import Rules
from apps.strategies.resolver import (
    Defaults,
    Plan,
    UnknownModelError,
    UnknownProviderError,
    UnknownStrategyError,
    resolve,
)


def plan_chat(request_id: str, principal: Principal, chat: ChatRequest) -> Call:
    """The call to make. Raises ApiError 400, 403, 404."""
    config = CONFIG.value
    plan = _resolve(principal, chat, config.default_strategy)
    _permit(principal, chat, plan)
    if not plan.offers:
        raise _no_offers(chat)
    loop_now = asyncio.get_running_loop().time()
    return Call(
        request_id=request_id,
        principal=principal,
        chat=chat,
        plan=plan,
        rules=Rules(plan.strategy.definition, plan.facts, chat.stream, chat.preferred_provider),
        now=clock.now(),
        started=loop_now,
        deadline=loop_now + config.total_timeout_s,
    )


def _resolve(principal: Principal, chat: ChatRequest, default_strategy: str) -> Plan:
    try:
        return resolve(
            chat, principal.user_id, CATALOGUE.value, STRATEGIES.value, Defaults(strategy=default_strategy)
        )
    except UnknownModelError as error:
        raise ApiError(
            404,
            f"The model `{str(error)[:200]}` does not exist, or no provider offers it.",
            code="model_not_found",
            param="model",
        ) from None
    except UnknownStrategyError as error:
        known = ", ".join(sorted(STRATEGIES.value))
        raise bad_request(
            f"Unknown strategy `{str(error)[:100]}`; known: {known}.", param="strategy"
        ) from None
    except UnknownProviderError as error:
        known = ", ".join(sorted(CATALOGUE.value.providers))
        raise bad_request(
            f"Unknown provider `{str(error)[:100]}`; known: {known}.", param="preferred_provider"
        ) from None


def _permit(principal: Principal, chat: ChatRequest, plan: Plan) -> None:
    """Refuse what the key may not use. Raises ApiError(403)."""
    if principal.allowed_models and (chat.model or "freeai-auto") not in principal.allowed_models:
        raise _forbidden(f"This client key may not use the model `{chat.model or 'freeai-auto'}`.", "model")
    if principal.allowed_strategies and plan.name not in principal.allowed_strategies:
        raise _forbidden(f"This client key may not use the strategy `{plan.name}`.", "strategy")


def _forbidden(message: str, param: str) -> ApiError:
    return ApiError(403, message, type="permission_error", code="model_not_allowed", param=param)


def _no_offers(chat: ChatRequest) -> ApiError:
    if chat.model and not chat.model.startswith("freeai-"):
        return bad_request(
            f"You have no provider key for a provider that offers `{chat.model}`.",
            param="model",
            code="no_provider_configured",
        )
    return bad_request(
        "No provider is configured: add a provider key with PATCH /api/me/providers/{name}.",
        code="no_provider_configured",
    )
