"""POST /v1/chat/completions."""

import asyncio
import time
from typing import Any

from django.http import HttpResponseBase

from apps.clients.limits import RateLimit
from apps.gateway import explain, runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.operations import ChatStreamed, ChatWhole, OpenStream
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.edge.authentication import authenticate, rate_headers
from apps.gateway.edge.http import EventStreamResponse, JsonAnswer, LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.chat.stream import QUIET_S, ChatEventStream
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.endpoints.chat.wire import response as chat_response
from apps.gateway.endpoints.headers import answer_headers, dropped_header
from apps.providers.adapters.chat import codec_for
from apps.providers.types import ChatRequest


@only("POST")
async def chat_completions(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/chat/completions."""
    principal, allowance = await authenticate(request)
    chat = chat_request.parse(await request.read_body())
    call = plan_chat(request.id, principal, chat)
    explained = await explain.asked_for(request, call)
    if chat.stream:
        return await _stream(call, allowance, explained)
    gateway = runtime.current()
    served = await dispatch.run(gateway, call, ChatWhole(chat, gateway.images))
    members = _members(call, served)
    members |= {
        "strategy_used": call.plan.name,
        "fallback_chain": served.chain,
        "latency_ms": round((asyncio.get_running_loop().time() - call.started) * 1000),
        **explained,
    }
    body = chat_response.whole(served.answer.result, served.answer.usage, members)
    return JsonAnswer(body, _headers(call, served) | rate_headers(allowance))


async def _stream(
    call: Call[ChatRequest], allowance: RateLimit, explained: dict[str, Any]
) -> HttpResponseBase:
    """Wait for the first content; after QUIET_S begin the answer without it, with comments."""
    gateway = runtime.current()
    work = dispatch.run(gateway, call, ChatStreamed(call.demand, gateway.images))
    pending = asyncio.create_task(work)
    stream = ChatEventStream(pending, lambda served: _frame_writer(call, served), call.deadline, explained)
    try:
        await asyncio.wait([pending], timeout=QUIET_S)
    except asyncio.CancelledError:
        await stream.aclose()
        raise
    headers = rate_headers(allowance)
    if pending.done():
        headers = _headers(call, pending.result()) | headers
    return EventStreamResponse(stream, headers)


def _frame_writer(call: Call[ChatRequest], served: Served[OpenStream]) -> chat_response.FrameWriter:
    return chat_response.FrameWriter(_members(call, served), include_usage=call.demand.include_usage)


def _members(call: Call[ChatRequest], served: Served[Any]) -> dict[str, Any]:
    """The members that whole answers and frames share."""
    offer = served.attempt.offer
    return {
        "id": f"chatcmpl-{served.attempt.event.id}",
        "created": int(time.time()),
        "model": call.plan.virtual_model or offer.model,
        "provider": offer.provider,
        "real_model": offer.model,
    }


def _headers(call: Call[ChatRequest], served: Served[Any]) -> dict[str, str]:
    offer = served.attempt.offer
    return answer_headers(call, served) | dropped_header(codec_for(offer).dropped(call.demand, offer))
