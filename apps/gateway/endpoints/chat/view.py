"""POST /v1/chat/completions."""

import asyncio

from django.http import HttpResponseBase
from django.urls import path

from apps.clients.limits import RateLimit
from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.edge.answers import EventStreamResponse, LeanResponse, answer_headers
from apps.gateway.edge.authentication import authenticate, rate_headers
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.chat import explain
from apps.gateway.endpoints.chat.members import closing_members, members
from apps.gateway.endpoints.chat.operation import ChatStreamed, ChatWhole
from apps.gateway.endpoints.chat.stream import QUIET_S, ChatEventStream
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.endpoints.chat.wire import response as chat_response
from apps.providers.types import ChatRequest


@only("POST")
async def chat_completions(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/chat/completions."""
    principal, allowance = await authenticate(request)
    call = plan_chat(request.id, principal, chat_request.parse(await request.read_body()))
    explained = await explain.asked_for(request, call)
    answer = _stream if call.demand.stream else _whole
    return await answer(call, allowance, explained)


async def _whole(call: Call[ChatRequest], allowance: RateLimit, explained: JSONObject) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWhole(call.demand, gateway.images)
    served = await dispatch.run(gateway, call, operation)
    own = members(served) | {"strategy_used": call.plan.name} | closing_members(served) | explained
    body = chat_response.whole(served.answer.result, served.answer.usage, own)
    return LeanResponse(body, answer_headers(served, operation, allowance))


async def _stream(call: Call[ChatRequest], allowance: RateLimit, explained: JSONObject) -> HttpResponseBase:
    """Wait for the first content; after QUIET_S begin the answer without it, with comments."""
    gateway = runtime.current()
    operation = ChatStreamed(call.demand, gateway.images)
    pending = asyncio.create_task(dispatch.run(gateway, call, operation))
    stream = ChatEventStream(call.demand, pending, explained)
    try:
        await asyncio.wait([pending], timeout=QUIET_S)
        if pending.done():
            return EventStreamResponse(stream, answer_headers(pending.result(), operation, allowance))
        return EventStreamResponse(stream, rate_headers(allowance))
    except BaseException:  # nobody will send the stream, so nobody else will close it
        await stream.aclose()
        raise


urlpatterns = [path("chat/completions", chat_completions, name="chat_completions")]
