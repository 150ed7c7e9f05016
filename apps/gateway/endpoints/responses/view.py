"""POST /v1/responses: OpenAI's Responses API; and how many tokens such a request has."""

from functools import partial
from typing import Final

import orjson
from django.http import HttpResponseBase
from django.urls import path
from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.core.aside import aside
from apps.gateway import model_names, runtime
from apps.gateway.answering.explained import asked_for
from apps.gateway.answering.operation import ChatWholeOfFunctions, WholeAnswer
from apps.gateway.answering.stream import stream_answer
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
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
from apps.gateway.endpoints.responses.wire.request import Asked, Sent
from apps.gateway.endpoints.responses.wire.schema import ResponsesBody
from apps.providers.types import ChatRequest

ENDPOINT: Final = "responses"


@only("POST")
async def responses(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/responses."""
    principal, allowance = await authenticate(request, ENDPOINT)
    memory = Memory(runtime.current().kept_answers, principal.client_id)
    asked = await _asked(request, principal, memory)
    call = plan_chat(request.ids, principal, asked.chat, max_wait_s(request.META), ENDPOINT)
    form = ResponseForm(asked, call, memory, await asked_for(request, call))
    if asked.chat.stream:
        return await stream_answer(call, allowance, form, asked.ignored)
    return await _whole(call, asked, allowance, form)


async def _whole(
    call: Call[ChatRequest], asked: Asked, allowance: Allowance, form: ResponseForm
) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWholeOfFunctions(call.demand, gateway.images, asked.ignored)
    served = await dispatch.run(gateway, call, operation)
    body = await aside(call.principal.user_id, partial(_rendered, form, served))
    await form.left_behind()
    return LeanResponse(body, answer_headers(served, operation, allowance))


def _rendered(form: ResponseForm, served: Served[WholeAnswer]) -> bytes:
    return orjson.dumps(form.whole(served))


@only("POST")
async def input_tokens(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/responses/input_tokens: an estimate, which asks nobody. It counts as a request of the key: it may read all that is kept."""
    principal, allowance = await authenticate(request)
    memory = Memory(runtime.current().kept_answers, principal.client_id)
    counted = await request.parsed(responses_request.read_to_count)
    await memory.look_up(counted.previous, counted.named)
    tokens = await request.joined(partial(responses_request.count_tokens, counted, memory), memory.reach)
    told = {"object": "response.input_tokens", "input_tokens": tokens}
    return LeanResponse(orjson.dumps(told), rate_headers(allowance))


async def _asked(request: LeanRequest, principal: Principal, memory: Memory) -> Asked:
    """The request with what it refers to. Raises ApiError(400, 413), and as `read_body`."""
    sent = await request.parsed(responses_request.read)
    await memory.look_up(sent.previous, sent.named)
    return await request.joined(partial(_parsed, principal, memory, sent), memory.reach)


def _parsed(principal: Principal, memory: Memory, sent: Sent[ResponsesBody]) -> Asked:
    """Its model by a name that is known here. Raises ApiError(400, 413)."""
    asked = responses_request.parse(sent, memory)
    meant = model_names.meant(asked.model, principal.user_id)
    return replace(asked, chat=replace(asked.chat, model=meant))


urlpatterns = [
    path("responses", responses, name="responses"),
    path("responses/input_tokens", input_tokens, name="input_tokens"),
    *kept.urlpatterns,
]
