"""POST /v1/messages and /v1/messages/count_tokens: Anthropic's Messages API."""

from functools import partial
from typing import Final

import orjson
from django.http import HttpResponse, HttpResponseBase
from django.urls import path
from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.core.json_types import JSONObject
from apps.gateway import model_names, runtime
from apps.gateway.answering.explained import asked_for
from apps.gateway.answering.operation import ChatWholeOfObjects
from apps.gateway.answering.stream import stream_answer
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers
from apps.gateway.edge.authentication import authenticate, identify
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.messages.form import MessageForm
from apps.gateway.endpoints.messages.members import closing_members, members
from apps.gateway.endpoints.messages.wire import request as messages_request
from apps.gateway.endpoints.messages.wire import response as messages_response
from apps.gateway.endpoints.messages.wire.events import EventWriter
from apps.gateway.endpoints.messages.wire.request import Asked
from apps.gateway.endpoints.messages.wire.signatures import is_own
from apps.gateway.wire.errors import JSON
from apps.gateway.wire.events import EVENTS
from apps.providers.types import ChatRequest, Usage

ENDPOINT: Final = "messages"
NO_USAGE: Final = Usage(0, 0)


@only("POST")
async def messages(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/messages."""
    principal, allowance = await authenticate(request, ENDPOINT)
    asked = await request.parsed(partial(_parsed, principal=principal))
    call = plan_chat(request.ids, principal, asked.chat, max_wait_s(request.META), ENDPOINT)
    explained = await asked_for(request, call)
    shown_to = principal.user_id if asked.shows_thinking else None
    if asked.is_warm_up:
        return _warmed_up(request.ids.own, asked, allowance)
    if asked.chat.stream:
        form = MessageForm(request.ids.told, asked.model, shown_to, explained)
        return await stream_answer(call, allowance, form, asked.ignored)
    return await _whole(call, asked, allowance, shown_to, explained)


async def _whole(
    call: Call[ChatRequest], asked: Asked, allowance: Allowance, shown_to: int | None, explained: JSONObject
) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWholeOfObjects(call.demand, gateway.images, asked.ignored)
    served = await dispatch.run(gateway, call, operation)
    answer = served.answer
    body = messages_response.whole(answer.result, answer.usage, members(served, asked.model), shown_to)
    return LeanResponse(
        orjson.dumps(body | closing_members(served) | explained), answer_headers(served, operation, allowance)
    )


def _warmed_up(answer_id: str, asked: Asked, allowance: Allowance) -> HttpResponseBase:
    """The answer to a request for none, which would warm Anthropic's cache: no upstream is asked."""
    named: JSONObject = {"id": f"msg_{answer_id}", "model": asked.model or asked.chat.model or ""}
    if asked.chat.stream:
        events = EventWriter(named, 0, None, dict).end(NO_USAGE)
        return LeanResponse(events, rate_headers(allowance), EVENTS)
    said = messages_response.message_of(
        named, [], stop_reason="end_turn", usage=messages_response.usage_of(NO_USAGE)
    )
    return LeanResponse(orjson.dumps(said), rate_headers(allowance))


@only("POST")
async def count_tokens(request: LeanRequest) -> HttpResponse:
    """POST /v1/messages/count_tokens: an estimate, which asks nobody and takes nothing of the key's limits: agents send many at once."""
    principal = identify(request)
    verify = partial(is_own, user_id=principal.user_id)
    tokens = await request.parsed(partial(messages_request.count_tokens, verify=verify))
    return HttpResponse(orjson.dumps({"input_tokens": tokens}), content_type=JSON)


def _parsed(body: bytes, principal: Principal) -> Asked:
    """The request, its model by a name that is known here. Raises ApiError(400)."""
    asked = messages_request.parse(body, partial(is_own, user_id=principal.user_id))
    meant = model_names.meant(asked.model, principal.user_id)
    return replace(asked, chat=replace(asked.chat, model=meant))


urlpatterns = [
    path("messages", messages, name="messages"),
    path("messages/count_tokens", count_tokens, name="count_tokens"),
]
