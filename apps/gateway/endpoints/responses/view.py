"""POST /v1/responses: OpenAI's Responses API; and how many tokens such a request has."""

from typing import Final

import orjson
from django.http import HttpResponseBase
from django.urls import path
from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.gateway import model_names, runtime
from apps.gateway.answering.explained import asked_for
from apps.gateway.answering.operation import ChatWhole
from apps.gateway.answering.stream import stream_answer
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.responses import kept
from apps.gateway.endpoints.responses.form import ResponseForm
from apps.gateway.endpoints.responses.memory import Memory
from apps.gateway.endpoints.responses.wire import request as responses_request
from apps.gateway.endpoints.responses.wire.request import Asked
from apps.providers.types import ChatRequest

ENDPOINT: Final = "responses"


@only("POST")
async def responses(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/responses."""
    principal, allowance = await authenticate(request, ENDPOINT)
    memory = Memory(runtime.current().kept_answers, principal.client_id)
    asked = await _parsed(await request.read_body(), principal, memory)
    call = plan_chat(request.ids, principal, asked.chat, max_wait_s(request.META), ENDPOINT)
    form = ResponseForm(asked, call, memory, await asked_for(request, call))
    if asked.chat.stream:
        return await stream_answer(call, allowance, form, asked.ignored)
    return await _whole(call, asked, allowance, form)


async def _whole(
    call: Call[ChatRequest], asked: Asked, allowance: Allowance, form: ResponseForm
) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWhole(call.demand, gateway.images, asked.ignored)
    served = await dispatch.run(gateway, call, operation)
    answer = orjson.dumps(form.whole(served))
    await form.left_behind()
    return LeanResponse(answer, answer_headers(served, operation, allowance))


@only("POST")
async def input_tokens(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/responses/input_tokens: an estimate, which asks nobody. It counts as a request of the key: it may read all that is kept."""
    principal, allowance = await authenticate(request)
    memory = Memory(runtime.current().kept_answers, principal.client_id)
    counted = responses_request.read_to_count(await request.read_body())
    await memory.look_up(counted.previous, counted.named)
    tokens = responses_request.count_tokens(counted, memory)
    told = {"object": "response.input_tokens", "input_tokens": tokens}
    return LeanResponse(orjson.dumps(told), rate_headers(allowance))


async def _parsed(body: bytes, principal: Principal, memory: Memory) -> Asked:
    """The request, its model by a name that is known here. Raises ApiError(400, 413)."""
    sent = responses_request.read(body)
    await memory.look_up(sent.previous, sent.named)
    asked = responses_request.parse(sent, memory)
    meant = model_names.meant(asked.model, principal.user_id)
    return replace(asked, chat=replace(asked.chat, model=meant))


urlpatterns = [
    path("responses", responses, name="responses"),
    path("responses/input_tokens", input_tokens, name="input_tokens"),
    *kept.urlpatterns,
]
