"""From a parsed request to a Call: permissions, plan, rules, deadline."""

import asyncio
from typing import Any, TypeVar

from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.core import clock
from apps.gateway.attempts import permissions, unoffered, unserved
from apps.gateway.attempts.calls import Call, RequestIds
from apps.gateway.attempts.conversations import turn_of
from apps.gateway.attempts.operation import TaskOperation
from apps.gateway.attempts.turned_away import Asked, note
from apps.gateway.config import CONFIG
from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.offers import CATALOGUE
from apps.providers.pool import Pool
from apps.providers.tasks import TASKS, Demand
from apps.providers.types import ChatRequest, Offer
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


def plan_chat(
    ids: RequestIds, principal: Principal, chat: ChatRequest, max_wait_s: float = 0.0, endpoint: str = "chat"
) -> Call[ChatRequest]:
    """The call to make. Raises ApiError 400, 403, 404, which is noted. `endpoint`: what the ledger files it under."""
    try:
        call = plan_explained(ids, principal, chat)
        if not call.plan.pool:
            raise _no_offers(chat, call.plan.pool, principal)
    except ApiError as error:
        _turn_away(ids, principal, chat, endpoint, error)
        raise
    return replace(call, max_wait_s=max_wait_s, endpoint=endpoint)


def plan_explained(ids: RequestIds, principal: Principal, chat: ChatRequest) -> Call[ChatRequest]:
    """The same, for whoever only wants to know: it may have candidates that all are left out. Raises ApiError 400, 403, 404."""
    plan = _resolve(principal, chat)
    pool = permissions.permitted(principal, chat, "chat", plan)
    if not (pool or pool.withheld or pool.barred):
        raise _no_offers(chat, pool, principal)
    call = _call(ids, principal, chat, replace(plan, pool=pool), TASKS["chat"].endpoint)
    if not CONFIG.value.sticky:
        return call
    return replace(call, turn=turn_of(chat.body, (principal.user_id, principal.client_id)))


def not_allowed(principal: Principal, chat: ChatRequest) -> list[Offer]:
    """What the call cannot go to because of the client key's `allowed_models`. Raises ApiError 400, 404."""
    return permissions.not_allowed(principal, chat, _resolve(principal, chat))


def plan_task(
    ids: RequestIds, principal: Principal, operation: TaskOperation[Any], max_wait_s: float = 0.0
) -> Call[Demand]:
    """The call to make for a task beside chat, among the candidates whose wires can carry it. Raises ApiError 400, 403, 413, which is
    noted."""
    demand, task = operation.demand, operation.task
    try:
        plan = _plan_task(principal, operation)
    except ApiError as error:
        _turn_away(ids, principal, demand, TASKS[task].endpoint, error)
        raise
    call = _call(ids, principal, demand, plan, TASKS[task].endpoint)
    return replace(call, max_wait_s=max_wait_s)


def _plan_task(principal: Principal, operation: TaskOperation[Any]) -> Plan:
    demand, task = operation.demand, operation.task
    try:
        plan = resolve_native(
            demand, task, principal.user_id, CATALOGUE.value, use_paid=CONFIG.value.use_paid
        )
    except UnknownProviderError as error:
        raise unoffered.unknown_provider(str(error), CATALOGUE.value) from None
    pool = permissions.permitted(principal, demand, task, plan)
    if not pool:
        raise _no_offers(demand, pool, principal)
    judged = [(offer, operation.why_unfit(offer)) for offer in pool]
    fitting = [offer for offer, unfit in judged if unfit is None]
    if not fitting:
        raise unserved.incapable([unfit for _, unfit in judged if unfit], demand.prompt_tokens)
    if len(fitting) < len(pool):
        pool = Pool(fitting, pool.withheld, pool.barred)
    return replace(plan, pool=pool)


def _turn_away(ids: RequestIds, principal: Principal, demand: Demand, endpoint: str, error: ApiError) -> None:
    started = asyncio.get_running_loop().time()
    note(Asked(ids=ids, principal=principal, endpoint=endpoint, started=started, demand=demand), error)


def _call(ids: RequestIds, principal: Principal, demand: D, plan: Plan, endpoint: str) -> Call[D]:
    loop_now = asyncio.get_running_loop().time()
    return Call(
        ids=ids,
        principal=principal,
        demand=demand,
        plan=plan,
        rules=Rules(plan.strategy.lens.view(plan.pool), plan.facts, demand.stream, demand.preferred_provider),
        now=clock.now(),
        started=loop_now,
        deadline=loop_now + CONFIG.value.total_timeout_s,
        endpoint=endpoint,
    )


def _no_offers(demand: Demand, pool: Pool, principal: Principal) -> ApiError:
    return unoffered.no_offers(demand, pool, principal.user_id, CATALOGUE.value, paid=CONFIG.value.use_paid)


def _resolve(principal: Principal, chat: ChatRequest) -> Plan:
    catalogue, config = CATALOGUE.value, CONFIG.value
    defaults = Defaults(config.default_strategy, config.use_paid)
    try:
        return resolve(chat, principal.user_id, catalogue, STRATEGIES.value, defaults)
    except UnknownModelError as error:
        if is_virtual(str(error)):
            raise unoffered.unknown_virtual(str(error), STRATEGIES.value, catalogue) from None
        raise unoffered.unknown_model(str(error), catalogue) from None
    except UnknownStrategyError as error:
        known = ", ".join(sorted(STRATEGIES.value))
        raise bad_request(
            f"Unknown strategy `{str(error)[:100]}`; known: {known}.", param="strategy"
        ) from None
    except UnknownProviderError as error:
        raise unoffered.unknown_provider(str(error), catalogue) from None
