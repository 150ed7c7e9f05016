"""What a client key may use: one rule for every endpoint, and for the list of models.

A model may be used that `allowed_models` holds by its own name or as `provider/model`, however the request spells it. A strategy may be
used that one of its virtual names selects; a request for `freeai-auto`, or for no model at all, is one for the strategy that it names.
So a key for native models only may not leave the choice to a strategy. `allowed_strategies` holds for whatever is ranked by a strategy of
the user's choice. Empty sets allow all.

A key with `no_training` reaches nobody who may train on what is sent, whatever it pins; of whom nothing is known, that is taken to be so.
"""

from apps.clients.keys import Principal
from apps.gateway.wire.errors import ApiError
from apps.providers.pool import Pool
from apps.providers.tasks import TASKS, Demand
from apps.providers.types import Offer, Task
from apps.strategies.naming import DEFAULT_MODEL, is_virtual, virtual_names
from apps.strategies.resolver import Plan


def permitted(principal: Principal, demand: Demand, task: Task, plan: Plan) -> Pool:
    """Those of the plan's offers that the key may use, and what `data_use` bars. Raises ApiError(403) where it may ask for none."""
    if not may_call(principal, task):
        raise _forbidden(f"the endpoint `{TASKS[task].endpoint}`", code="endpoint_not_allowed")
    pool = _allowed(principal, demand, task, plan)
    return pool.untrained() if principal.no_training else pool


def not_allowed(principal: Principal, demand: Demand, plan: Plan) -> list[Offer]:
    """Those of the plan's offers that `permitted` leaves out by `allowed_models`, for whoever explains it."""
    if not principal.allowed_models or is_virtual(demand.model or DEFAULT_MODEL):
        return []
    return [offer for offer in plan.pool if not _may_ask(principal, offer)]


def may_call(principal: Principal, task: Task) -> bool:
    """Whether the key may ask for the task at all."""
    return not principal.allowed_endpoints or TASKS[task].endpoint in principal.allowed_endpoints


def _allowed(principal: Principal, demand: Demand, task: Task, plan: Plan) -> Pool:
    """By `allowed_models` and `allowed_strategies`."""
    if not TASKS[task].has_strategies:
        return _permitted_offers(principal, demand, plan)
    asked = demand.model or DEFAULT_MODEL
    if is_virtual(asked):
        if not _may_name(principal, asked, plan.name):
            raise _forbidden(f"the model `{asked}`", "model")
        pool = plan.pool
    else:
        pool = _permitted_offers(principal, demand, plan)
    if not _may_rank_by(principal, plan.name):
        raise _forbidden(f"the strategy `{plan.name}`", "strategy")
    return pool


def may_select(principal: Principal, model: str, strategy: str) -> bool:
    """Whether the key may ask for the virtual model `model`, which selects `strategy`."""
    return (
        may_call(principal, "chat")
        and _may_name(principal, model, strategy)
        and _may_rank_by(principal, strategy)
    )


def may_use(principal: Principal, offer: Offer) -> bool:
    """Whether the key may ask for this model of this provider."""
    if not may_call(principal, offer.task) or (principal.no_training and offer.trains):
        return False
    return _may_ask(principal, offer)


def _may_ask(principal: Principal, offer: Offer) -> bool:
    allowed = principal.allowed_models
    return not allowed or offer.model in allowed or f"{offer.provider}/{offer.model}" in allowed


def _may_name(principal: Principal, model: str, strategy: str) -> bool:
    allowed = principal.allowed_models
    return not allowed or model in allowed or not allowed.isdisjoint(virtual_names(strategy))


def _may_rank_by(principal: Principal, strategy: str) -> bool:
    return not principal.allowed_strategies or strategy in principal.allowed_strategies


def _permitted_offers(principal: Principal, demand: Demand, plan: Plan) -> Pool:
    if not principal.allowed_models:
        return plan.pool
    pool = plan.pool.only(lambda offer: _may_ask(principal, offer))
    if plan.pool and not pool:
        raise _forbidden(f"the model `{demand.model or plan.pool.offers[0].model}`", "model")
    return plan.pool if len(pool) == len(plan.pool) else pool


def _forbidden(what: str, param: str | None = None, code: str = "model_not_allowed") -> ApiError:
    message = f"This client key may not use {what}."
    return ApiError(403, message, type="permission_error", code=code, param=param)
