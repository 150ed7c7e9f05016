"""POST /v1/chat/completions."""

from django.http import HttpResponseBase
from django.urls import path

from apps.clients.limits import Allowance
from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.answering.explained import asked_for
from apps.gateway.answering.operation import ChatWhole
from apps.gateway.answering.stream import stream_answer
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.chat.form import ChatForm
from apps.gateway.endpoints.chat.members import closing_members, members
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.endpoints.chat.wire import response as chat_response
from apps.providers.types import ChatRequest


@only("POST")
async def chat_completions(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/chat/completions."""
    principal, allowance = await authenticate(request, "chat")
    chat = await request.parsed(chat_request.parse)
    call = plan_chat(request.ids, principal, chat, max_wait_s(request.META))
    explained = await asked_for(request, call)
    if chat.stream:
        return await stream_answer(call, allowance, ChatForm(chat, explained))
    return await _whole(call, allowance, explained)


async def _whole(call: Call[ChatRequest], allowance: Allowance, explained: JSONObject) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWhole(call.demand, gateway.images)
    served = await dispatch.run(gateway, call, operation)
    own = members(served) | {"strategy_used": call.plan.name} | closing_members(served) | explained
    body = chat_response.whole(served.answer.result, served.answer.usage, own)
    return LeanResponse(body, answer_headers(served, operation, allowance))


urlpatterns = [path("chat/completions", chat_completions, name="chat_completions")]
