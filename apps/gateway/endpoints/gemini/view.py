"""POST /v1beta/models/{model}:generateContent and what goes with it: Google's API for Gemini. The same under /v1, where others ask."""

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
from apps.gateway.answering.vectors import Embeddings, Vectors
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.planning import plan_chat, plan_task
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate, identify
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.gemini.form import ContentForm
from apps.gateway.endpoints.gemini.members import closing_members, members
from apps.gateway.endpoints.gemini.wire import embeddings, response
from apps.gateway.endpoints.gemini.wire import request as content_request
from apps.gateway.endpoints.gemini.wire.framing import Array, Events, Framing
from apps.gateway.endpoints.gemini.wire.request import Asked
from apps.gateway.wire.errors import JSON, bad_request
from apps.gateway.wire.surfaces import V1, V1BETA
from apps.providers.demands.embedding import EmbeddingRequest
from apps.providers.types import ChatRequest

ENDPOINT: Final = "generate_content"
FRAMINGS: Final[dict[str, type[Events] | type[Array]]] = {"sse": Events, "json": Array, "": Array}


@only("POST")
async def generate(request: LeanRequest, model: str) -> HttpResponseBase:
    """POST …:generateContent."""
    principal, allowance = await authenticate(request, ENDPOINT)
    asked = await request.parsed(partial(_parsed, model, principal, stream=False))
    call = plan_chat(request.ids, principal, asked.chat, max_wait_s(request.META), ENDPOINT)
    return await _whole(call, asked, allowance, await asked_for(request, call))


@only("POST")
async def stream(request: LeanRequest, model: str) -> HttpResponseBase:
    """POST …:streamGenerateContent."""
    principal, allowance = await authenticate(request, ENDPOINT)
    framing = _framing(request)
    asked = await request.parsed(partial(_parsed, model, principal, stream=True))
    call = plan_chat(request.ids, principal, asked.chat, max_wait_s(request.META), ENDPOINT)
    form = ContentForm(request.ids.told, asked, framing, await asked_for(request, call))
    return await stream_answer(call, allowance, form, asked.ignored)


@only("POST")
async def count(request: LeanRequest, model: str) -> HttpResponse:
    """POST …:countTokens: an estimate, which asks nobody and takes nothing of the key's limits: agents ask for many at once."""
    identify(request)
    content_request.model_name(model)
    tokens = await request.parsed(content_request.count_tokens)
    return HttpResponse(orjson.dumps({"totalTokens": tokens}), content_type=JSON)


@only("POST")
async def embed(request: LeanRequest, model: str) -> LeanResponse:
    """POST …:embedContent."""
    principal, allowance = await authenticate(request, "embeddings")
    demand = await request.parsed(partial(embeddings.parse_one, model))
    served, headers = await _embedded(request, principal, allowance, demand)
    return LeanResponse(embeddings.render_one(served.answer.encoded, answer_members(served)), headers)


@only("POST")
async def embed_batch(request: LeanRequest, model: str) -> LeanResponse:
    """POST …:batchEmbedContents."""
    principal, allowance = await authenticate(request, "embeddings")
    demand = await request.parsed(partial(embeddings.parse_batch, model))
    served, headers = await _embedded(request, principal, allowance, demand)
    return LeanResponse(embeddings.render_batch(served.answer.encoded, answer_members(served)), headers)


async def _whole(
    call: Call[ChatRequest], asked: Asked, allowance: Allowance, explained: JSONObject
) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWholeOfObjects(call.demand, gateway.images, asked.ignored)
    served = await dispatch.run(gateway, call, operation)
    own = members(served, asked.model) | closing_members(served) | explained
    answer = served.answer
    body = response.whole(answer.result, answer.usage, own, shows_thinking=asked.shows_thinking)
    return LeanResponse(orjson.dumps(body), answer_headers(served, operation, allowance))


async def _embedded(
    request: LeanRequest, principal: Principal, allowance: Allowance, demand: EmbeddingRequest
) -> tuple[Served[Vectors], dict[str, str]]:
    operation = Embeddings(demand)
    call = plan_task(request.ids, principal, operation, max_wait_s(request.META))
    served = await dispatch.run(runtime.current(), call, operation)
    return served, answer_headers(served, operation, allowance)


def _parsed(model: str, principal: Principal, body: bytes, *, stream: bool) -> Asked:
    """The request, its model by a name that is known here. Raises ApiError(400)."""
    asked = content_request.parse(model, body, stream=stream)
    meant = model_names.meant(asked.model, principal.user_id)
    return replace(asked, chat=replace(asked.chat, model=meant))


def _framing(request: LeanRequest) -> Framing:
    """Raises ApiError(400)."""
    made = FRAMINGS.get(request.GET.get("alt", ""))
    if made is None:
        raise bad_request("`alt`: must be sse or json.", param="alt")
    return made()


VIEWS: Final = {
    "generateContent": generate,
    "streamGenerateContent": stream,
    "countTokens": count,
    "embedContent": embed,
    "batchEmbedContents": embed_batch,
}
PATTERNS: Final = [path(f"models/<path:model>:{method}", view, name=method) for method, view in VIEWS.items()]
SERVED: Final = dict.fromkeys((V1, V1BETA), PATTERNS)
