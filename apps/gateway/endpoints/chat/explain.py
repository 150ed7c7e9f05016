"""Where a chat request would go and why: for `/api`, the command line, and the answers that ask for it."""

from typing import Final

from django.http import HttpRequest
from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.core.json_types import JSONObject
from apps.core.state.contract import StateStore
from apps.gateway import runtime
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.decision import Decision, explain
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.wire.errors import ApiError
from apps.providers.types import ChatRequest
from apps.strategies.definition import Definition
from apps.strategies.features import request_facts
from apps.strategies.library import LoadedStrategy
from apps.strategies.reading import observe

HEADER: Final = "HTTP_X_FREEAI_EXPLAIN"
PREVIEW: Final = "preview"


async def explain_body(store: StateStore, principal: Principal, body: bytes) -> Decision:
    """The decision on a /v1 request body. Raises ApiError as the request itself would."""
    return await explain(store, plan_chat("explain", principal, chat_request.parse(body)))


async def preview(store: StateStore, principal: Principal, definition: Definition, body: bytes) -> Decision:
    """The decision on a /v1 request body if `definition` were its strategy. Raises ApiError."""
    call = plan_chat(PREVIEW, principal, chat_request.parse(body))
    facts = request_facts(call.demand, observe(call.demand))
    strategy = LoadedStrategy(PREVIEW, "", definition)
    plan = replace(call.plan, name=PREVIEW, strategy=strategy, facts=facts, choice=None)
    rules = replace(call.rules, view=strategy.lens.view(plan.pool), facts=facts)
    return await explain(store, replace(call, plan=plan, rules=rules))


async def asked_for(request: HttpRequest, call: Call[ChatRequest]) -> JSONObject:
    """The member `explain` of the answer to a request with `x-freeai-explain: 1`; empty without. Raises ApiError(403).

    For keys of admins: the decision shows the quota and the health of the whole pool.
    """
    if request.META.get(HEADER) != "1":
        return {}
    if not call.principal.is_admin:
        raise ApiError(
            403,
            "Only client keys of administrators may send x-freeai-explain.",
            type="permission_error",
            code="explain_not_allowed",
        )
    return {"explain": (await explain(runtime.current().store, call)).as_json()}
