"""From a parsed request to a Call: permissions, plan, rules, deadline."""

import asyncio
from typing import Any, TypeVar

from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.core import clock
from apps.gateway.attempts import unserved
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.operation import TaskOperation
from apps.gateway.attempts.permissions import permitted
from apps.gateway.config import CONFIG
from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.offers import CATALOGUE
from apps.providers.pool import Pool
from apps.providers.tasks import TASKS, Demand
from apps.providers.types import ChatRequest
from apps.strategies.library import STRATEGIES
from apps.strategies.naming import is_virtual
from apps.strategies.native import resolve_native
from apps.strategies.ranking import Rules
from apps.strategies.resolver import (
    Defaults,
    Plan,
    UnknownModelError,
    UnknownProviderError,
    UnknownStrategyError,
    resolve,
)

D = TypeVar("D", bound=Demand)


def plan_chat(request_id: str, principal: Principal, chat: ChatRequest) -> Call[ChatRequest]:
    """The call to make. Raises ApiError 400, 403, 404."""
    plan = _resolve(principal, chat, CONFIG.value.default_strategy)
    pool = permitted(principal, chat, "chat", plan)
    if not pool:
        raise _no_offers(chat)
    return _call(request_id, principal, chat, replace(plan, pool=pool), TASKS["chat"].endpoint)


def plan_task(request_id: str, principal: Principal, operation: TaskOperation[Any]) -> Call[Demand]:
    """The call to make for a task beside chat, among the candidates whose wires can carry it. Raises ApiError 400, 403, 413."""
    demand, task = operation.demand, operation.task
    try:
        plan = resolve_native(demand, task, principal.user_id, CATALOGUE.value)
    except UnknownProviderError as error:
        raise _unknown_provider(error) from None
    pool = permitted(principal, demand, task, plan)
    if not pool:
        raise _no_offers(demand)
    judged = [(offer, operation.why_unfit(offer)) for offer in pool]
    fitting = [offer for offer, unfit in judged if unfit is None]
    if not fitting:
        raise unserved.incapable([unfit for _, unfit in judged if unfit], demand.prompt_tokens)
    if len(fitting) < len(pool):
        pool = Pool(fitting)
    return _call(request_id, principal, demand, replace(plan, pool=pool), TASKS[task].endpoint)


def _call(request_id: str, principal: Principal, demand: D, plan: Plan, endpoint: str) -> Call[D]:
    loop_now = asyncio.get_running_loop().time()
    return Call(
        request_id=request_id,
        principal=principal,
        demand=demand,
        plan=plan,
        rules=Rules(plan.strategy.lens.view(plan.pool), plan.facts, demand.stream, demand.preferred_provider),
        now=clock.now(),
        started=loop_now,
        deadline=loop_now + CONFIG.value.total_timeout_s,
        endpoint=endpoint,
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
        raise _unknown_provider(error) from None


def _unknown_provider(error: UnknownProviderError) -> ApiError:
    known = ", ".join(sorted(CATALOGUE.value.providers))
    return bad_request(f"Unknown provider `{str(error)[:100]}`; known: {known}.", param="preferred_provider")


def _unknown_prefix(model: str) -> str:
    """That what stands before the slash of `model` is no provider here: it may have been meant for one."""
    provider, slash, _ = model.partition("/")
    known = sorted(CATALOGUE.value.providers)
    if not slash or provider in known:
        return ""
    return f" `{provider}` is no provider here; known: {', '.join(known)}."


def _no_offers(demand: Demand) -> ApiError:
    if demand.model and not is_virtual(demand.model):
        return bad_request(
            f"You have no provider key for a provider that offers `{demand.model}`.{_unknown_prefix(demand.model)}",
            param="model",
            code="no_provider_configured",
        )
    return bad_request(
        "No provider is configured: add a provider key with PATCH /api/me/providers/{name}.",
        code="no_provider_configured",
    )
