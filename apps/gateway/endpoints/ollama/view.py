"""Ollama's API under /ollama: /api/chat, /api/generate and embeddings, and what clients want to know of models."""

from functools import partial
from typing import Any, Final

import orjson
from django.http import HttpResponse, HttpResponseBase
from django.urls import path
from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.core import clock
from apps.core.json_types import JSONObject
from apps.gateway import model_names, runtime
from apps.gateway.answering import askable
from apps.gateway.answering.explained import asked_for
from apps.gateway.answering.operation import ChatWholeOfObjects
from apps.gateway.answering.stream import stream_answer
from apps.gateway.answering.vectors import Embeddings
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.planning import plan_chat, plan_task
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate, has_key
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.ollama.form import LineForm
from apps.gateway.endpoints.ollama.members import closing_members, members
from apps.gateway.endpoints.ollama.wire import embeddings, models, request, response, schema
from apps.gateway.endpoints.ollama.wire.request import Asked, plain_name
from apps.gateway.endpoints.ollama.wire.response import NS_PER_MS, Way
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import JSON, bad_request
from apps.gateway.wire.surfaces import OLLAMA
from apps.providers.types import ChatRequest

VERSION: Final = "0.18.3"
"""What is spoken here. Some clients compare it."""
PARSERS: Final = {"chat": request.parse_chat, "generate": request.parse_generate}
EMBEDDERS: Final = {
    "embed": (embeddings.parse, embeddings.render),
    "embeddings": (embeddings.parse_older, embeddings.render_older),
}


@only("POST")
async def ask(asking: LeanRequest, way: Way) -> HttpResponseBase:
    """POST /ollama/api/chat and /ollama/api/generate."""
    endpoint = f"{OLLAMA}{way}"
    principal, allowance = await authenticate(asking, endpoint)
    asked = await asking.parsed(PARSERS[way])
    if asked.chat is None:
        return _loaded(way, asked, allowance)
    chat = replace(asked.chat, model=model_names.meant(asked.chat.model, principal.user_id))
    call = plan_chat(asking.ids, principal, chat, max_wait_s(asking.META), endpoint)
    explained = await asked_for(asking, call)
    if asked.stream:
        return await stream_answer(call, allowance, LineForm(way, asked, explained))
    return await _whole(way, call, asked, allowance, explained)


async def _whole(
    way: Way, call: Call[ChatRequest], asked: Asked, allowance: Allowance, explained: JSONObject
) -> HttpResponseBase:
    gateway = runtime.current()
    operation = ChatWholeOfObjects(call.demand, gateway.images)
    served = await dispatch.run(gateway, call, operation)
    own = members(served, asked.model) | closing_members(served) | explained
    answer = served.answer
    body = response.whole(way, answer.result, answer.usage, own, shows_thinking=asked.shows_thinking)
    return LeanResponse(orjson.dumps(body), answer_headers(served, operation, allowance))


def _loaded(way: Way, asked: Asked, allowance: Allowance) -> HttpResponseBase:
    """The answer to a request for none, by which clients have a model loaded: no upstream is asked."""
    head = {"model": asked.model, "created_at": response.created(clock.now())}
    told = {**head, **response.said(way, ""), "done": True, "done_reason": "load"}
    kind = response.LINES if asked.stream else JSON
    return LeanResponse(response.line(told), rate_headers(allowance), kind)


@only("POST")
async def embed(asking: LeanRequest, way: str) -> LeanResponse:
    """POST /ollama/api/embed, and the older /ollama/api/embeddings."""
    principal, allowance = await authenticate(asking, "embeddings")
    parse, render = EMBEDDERS[way]
    named, demand = await asking.parsed(parse)
    operation = Embeddings(demand)
    call = plan_task(asking.ids, principal, operation, max_wait_s(asking.META))
    served = await dispatch.run(runtime.current(), call, operation)
    own = answer_members(served)
    told = {
        **own,
        "model": named or own["model"],
        "total_duration": call.elapsed_ms() * NS_PER_MS,
        "load_duration": 0,
        "prompt_eval_count": served.answer.usage.prompt_tokens,
    }
    return LeanResponse(render(served.answer.encoded, told), answer_headers(served, operation, allowance))


@only("GET")
async def tags(asking: LeanRequest) -> HttpResponse:
    """GET /ollama/api/tags: the virtual models; with a key all that it may ask for, since these clients ask for nothing else."""
    found, _ = await _askable(asking)
    return _json({"models": [models.tag(model) for model in found]})


@only("POST")
async def show(asking: LeanRequest) -> HttpResponse:
    """POST /ollama/api/show."""
    found, principal = await _askable(asking)
    known = validate(await asking.parsed(decode), schema.OllamaShowBody)
    named = known.model or known.name
    if not named:
        raise bad_request("`model`: must not be empty.", param="model")
    user_id = principal.user_id if principal is not None else None
    meant = model_names.meant(plain_name(named), user_id) or named
    model = askable.find(meant, found, named)
    return _json(models.shown(model, askable.abilities(model["id"], user_id)))


async def _askable(asking: LeanRequest) -> tuple[list[JSONObject], Principal | None]:
    if not has_key(asking):
        return askable.public(), None
    principal, _ = await authenticate(asking)
    return askable.allowed(principal), principal


@only("GET")
async def tell(_: LeanRequest, what: JSONObject) -> HttpResponse:
    """What is always the same."""
    return _json(what)


@only("GET")
async def root(_: LeanRequest) -> HttpResponse:
    """GET /ollama/: what clients look for a server by."""
    return HttpResponse("Ollama is running", content_type="text/plain; charset=utf-8")


def _json(told: Any) -> HttpResponse:
    return HttpResponse(orjson.dumps(told), content_type=JSON)


PATTERNS: Final = [
    path("", root, name="lines_root"),
    path("api/version", partial(tell, what={"version": VERSION}), name="lines_version"),
    path("api/ps", partial(tell, what={"models": []}), name="lines_ps"),
    path("api/tags", tags, name="lines_tags"),
    path("api/show", show, name="lines_show"),
    *(path(f"api/{way}", partial(ask, way=way), name=f"lines_{way}") for way in PARSERS),
    *(path(f"api/{way}", partial(embed, way=way), name=f"lines_{way}") for way in EMBEDDERS),
]
SERVED: Final = {OLLAMA: PATTERNS}
