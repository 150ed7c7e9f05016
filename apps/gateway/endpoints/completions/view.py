"""POST /v1/completions: OpenAI's older completions, and code that fills a gap."""

from typing import Final

from django.http import HttpResponseBase
from django.urls import path

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.core import ids
from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.answering.explained import asked_for
from apps.gateway.answering.operation import ChatWhole, WholeAnswer, answers_of
from apps.gateway.answering.stream import stream_answer
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import Call, RequestIds
from apps.gateway.attempts.dispatch import Served
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.completions.form import CompletionForm
from apps.gateway.endpoints.completions.members import closing_members, members
from apps.gateway.endpoints.completions.wire import request as completion_request
from apps.gateway.endpoints.completions.wire import response as completion_response
from apps.gateway.endpoints.completions.wire.request import Asked
from apps.providers.types import ChatRequest, Usage

ENDPOINT: Final = "completions"


@only("POST")
async def completions(request: LeanRequest) -> HttpResponseBase:
    """POST /v1/completions."""
    principal, allowance = await authenticate(request, ENDPOINT)
    asked = await request.parsed(completion_request.parse)
    calls = _planned(request, principal, asked)
    explained = await asked_for(request, calls[0])
    if asked.chats[0].stream:
        return await stream_answer(calls[0], allowance, CompletionForm(asked, explained))
    return await _whole(calls, asked, allowance, explained)


def _planned(request: LeanRequest, principal: Principal, asked: Asked) -> list[Call[ChatRequest]]:
    """A call for each prompt, all with the deadline of the first; the ledger counts each as a request. Raises ApiError."""
    wait_s = max_wait_s(request.META)
    own = [request.ids.own, *(ids.uuid7() for _ in asked.chats[1:])]
    return [
        plan_chat(RequestIds(each, request.ids.told), principal, chat, wait_s, ENDPOINT)
        for each, chat in zip(own, asked.chats, strict=True)
    ]


async def _whole(
    calls: list[Call[ChatRequest]], asked: Asked, allowance: Allowance, explained: JSONObject
) -> HttpResponseBase:
    """One prompt after the other, so that a request of many takes no more of a pool at a time than any other. The first that nobody serves
    ends it."""
    gateway = runtime.current()
    served: list[Served[WholeAnswer]] = []
    for call in calls:
        operation = ChatWhole(call.demand, gateway.images)
        served.append(await dispatch.run(gateway, call, operation))
    first = served[0]
    own = (
        members(first) | {"strategy_used": first.attempt.call.plan.name} | closing_members(first) | explained
    )
    body = completion_response.whole(_choices(served, asked), _usage(served), own)
    return LeanResponse(body, answer_headers(first, operation, allowance))


def _choices(served: list[Served[WholeAnswer]], asked: Asked) -> list[JSONObject]:
    """Those of all prompts, numbered as if each had as many answers as were asked for."""
    a_prompt = answers_of(asked.chats[0])
    return [
        choice
        for at, (each, prompt) in enumerate(zip(served, asked.prompts, strict=True))
        for choice in completion_response.choices_of(
            each.answer.result, at * a_prompt, prompt if asked.is_echoed else ""
        )
    ]


def _usage(served: list[Served[WholeAnswer]]) -> Usage:
    used = [each.answer.usage for each in served]
    return Usage(
        sum(usage.prompt_tokens for usage in used),
        sum(usage.completion_tokens for usage in used),
        estimated=any(usage.estimated for usage in used),
    )


urlpatterns = [path("completions", completions, name="completions")]
