"""Where a request would go and why, in the answers that ask for it."""

from typing import Final

from django.http import HttpRequest
from msgspec.structs import replace

from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.decision import explain, fair_share
from apps.gateway.attempts.planning import not_allowed
from apps.gateway.attempts.turned_away import asked, note
from apps.gateway.wire.errors import ApiError
from apps.providers.types import ChatRequest

HEADER: Final = "HTTP_X_FREEAI_EXPLAIN"


async def asked_for(request: HttpRequest, call: Call[ChatRequest]) -> JSONObject:
    """The member `explain` of the answer to a request with `x-freeai-explain: 1`; empty without. Raises ApiError(403).

    For keys of admins: the decision shows the quota and the health of the whole pool.
    """
    if request.META.get(HEADER) != "1":
        return {}
    try:
        if not call.principal.is_admin:
            raise ApiError(
                403,
                "Only client keys of administrators may send x-freeai-explain.",
                type="permission_error",
                code="explain_not_allowed",
            )
        forbidden = not_allowed(call.principal, call.demand)
        running = runtime.current()
        answering = running.conversations.answering(call.turn, call.now)
        decision = await explain(running.store, call, forbidden, answering)
        return {"explain": replace(decision, fair_share=fair_share(running.fairness, call)).as_json()}
    except ApiError as error:
        note(asked(call), error)
        raise
