"""The client API. Every view has four steps: authenticate, parse, call, render."""

import asyncio
import time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.clients.limits import RateLimit
from apps.gateway import dispatch, runtime
from apps.gateway.authentication import authenticate, rate_headers
from apps.gateway.calls import Call
from apps.gateway.dispatch import Served
from apps.gateway.http import EventStreamResponse, LeanRequest
from apps.gateway.operations import ChatStreamed, ChatWhole, OpenStream
from apps.gateway.planning import plan_chat
from apps.gateway.streaming import QUIET_S, ChatEventStream
from apps.gateway.wire import chat_request, chat_response, models_list
from apps.gateway.wire.errors import JSON
from apps.gateway.wire.methods import only


@only("POST")
async def chat_completions(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/chat/completions."""
    principal, allowance = await authenticate(request)
    chat = chat_request.parse(await request.read_body())
    call = plan_chat(request.id, principal, chat)
    if chat.stream:
        return await _stream(call, allowance)
    served = await dispatch.run(runtime.current(), call, ChatWhole(call))
    members = _members(call, served)
    members |= {
        "strategy_used": call.plan.name,
        "fallback_chain": served.chain,
        "latency_ms": round((asyncio.get_running_loop().time() - call.started) * 1000),
    }
    body = chat_response.whole(served.answer.result, served.answer.usage, members)
    return HttpResponse(body, content_type=JSON, headers=_headers(call, served) | rate_headers(allowance))


async def _stream(call: Call, allowance: RateLimit) -> HttpResponseBase:
    """Wait for the first content; after QUIET_S begin the answer without it, with comments."""
    work = dispatch.run(runtime.current(), call, ChatStreamed(call))
    pending = asyncio.create_task(work)
    stream = ChatEventStream(pending, lambda served: _frame_writer(call, served), call.deadline)
    try:
        await asyncio.wait([pending], timeout=QUIET_S)
    except asyncio.CancelledError:
        await stream.aclose()
        raise
    headers = rate_headers(allowance)
    if pending.done():
        headers = _headers(call, pending.result()) | headers
    return EventStreamResponse(stream, headers)


def _frame_writer(call: Call, served: Served[OpenStream]) -> chat_response.FrameWriter:
    return chat_response.FrameWriter(_members(call, served), include_usage=call.chat.include_usage)


def _members(call: Call, served: Served[Any]) -> dict[str, Any]:
    """The members that whole answers and frames share."""
    offer = served.attempt.offer
    return {
        "id": f"chatcmpl-{served.attempt.event.id}",
        "created": int(time.time()),
        "model": call.plan.virtual_model or offer.model,
        "provider": offer.provider,
        "real_model": offer.model,
    }


def _headers(call: Call, served: Served[Any]) -> dict[str, str]:
    offer = served.attempt.offer
    return {
        "x-freeai-provider": offer.provider,
        "x-freeai-model": offer.model,
        "x-freeai-strategy": call.plan.name,
        "x-freeai-fallbacks": str(served.attempt.event.fallback_position - 1),
    }


@only("GET")
async def list_models(request: HttpRequest) -> HttpResponse:
    """GET /v1/models: the virtual models; with a key and `?all=true` also strategies and reachable models."""
    principal = None
    if request.GET.get("all") == "true":
        principal, _ = await authenticate(request)
    return HttpResponse(models_list.listing(models_list.visible(principal)), content_type=JSON)


@only("GET")
async def show_model(request: HttpRequest, model: str) -> HttpResponse:
    """GET /v1/models/{id}: public for virtual models; with a key for all that the key reaches."""
    principal = None
    if "HTTP_AUTHORIZATION" in request.META:
        principal, _ = await authenticate(request)
    return HttpResponse(models_list.single(model, models_list.visible(principal)), content_type=JSON)
