"""The playground: real requests with the user's own quota, and why they go where they go. Nothing that is typed is kept."""

from collections.abc import AsyncGenerator
from typing import Final, cast

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from apps.clients.keys import unrestricted
from apps.console.decisions import tell
from apps.console.frame import page
from apps.console.playing import choices_for
from apps.console.seats import Seats
from apps.console.snippets import server_url
from apps.core import ids
from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.attempts.calls import Call, RequestIds
from apps.gateway.attempts.decision import explain
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.endpoints.chat.explain import explain_body
from apps.gateway.endpoints.chat.watched import Watched, named
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.wire.errors import ApiError, frame
from apps.providers.types import ChatRequest

NOT_RUNNING: Final = "No gateway runs in this process, so nothing can be asked here."
DECISION: Final = "console/decision.html"
TOO_MANY: Final = "Too many answers stream here already. Stop one, or try again in a moment."
SEATS: Final = Seats(most=100, most_each=8)
TAKEAWAYS: Final = ("curl", "python", "headers", "frames")
STREAM: Final = "text/event-stream; charset=utf-8"


def show(request: HttpRequest) -> HttpResponse:
    """GET: the page. What is chosen at first may stand in the address, such as `?model=`."""
    return page(
        request,
        "console/playground.html",
        "Playground",
        choices=choices_for(request.user.pk or 0),
        asked={name: request.GET.get(name, "")[:200] for name in ("model", "strategy", "preferred_provider")},
        base_url=f"{server_url(request)}/v1",
        takeaways=TAKEAWAYS,
        most_bytes=settings.FREEAI_MAX_SITE_BODY_BYTES,
    )


@require_POST
def explain_only(request: HttpRequest) -> HttpResponse:
    """POST a /v1 chat body: where it would go and why, or why nowhere, as a part. Nothing is sent."""
    if not runtime.is_running():
        return _part(request, NOT_RUNNING)
    try:
        body = _body(request)
        decision = async_to_sync(explain_body)(
            runtime.current().store, unrestricted(cast("User", request.user)), body
        )
    except ApiError as error:
        return _part(request, error.message)
    return render(request, DECISION, {"told": tell(decision)})


async def chat(request: HttpRequest) -> HttpResponseBase:
    """POST a /v1 chat body: the decision, then the answer as it comes, with every attempt between; a refusal is an error in the stream. The
    route that `/v1` takes, under the session; the CSRF middleware has seen it."""
    user = await request.auser()
    if not user.is_active:
        return _said(
            401, "You are signed out. Sign in again, in another tab if you want to keep what is here."
        )
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    if not runtime.is_running():
        return _said(503, NOT_RUNNING)
    await sync_to_async(_let_go)()
    own = ids.uuid7()
    try:
        demand = chat_request.parse(_body(request))
        call = plan_chat(RequestIds(own, own), unrestricted(user), demand)
    except ApiError as error:
        return _streamed(_refusal(error, own))
    return _streamed(_frames(runtime.current(), call))


async def _frames(gateway: runtime.Runtime, call: Call[ChatRequest]) -> AsyncGenerator[bytes, None]:
    """Closed by the server on every ending; a reader that stops cancels the upstream call with it. All that has to be given back is taken
    here, since a response may never be read."""
    user_id = call.principal.user_id
    if not SEATS.take(user_id):
        async for part in _refusal(ApiError(429, TOO_MANY), call.ids.told):
            yield part
        return
    watched = Watched(gateway, call)
    try:
        answering = gateway.conversations.answering(call.turn, call.now)
        told = tell(await explain(gateway.store, call, answering=answering))
        yield named("decision", {"html": render_to_string(DECISION, {"told": told}), "id": call.ids.own})
        async for part in watched.parts():
            if part:
                yield part
    finally:
        SEATS.give_back(user_id)
        await watched.aclose()


def _let_go() -> None:
    """Who streams for minutes holds no connection of the database meanwhile."""
    if not connection.in_atomic_block:
        connection.close()


def _body(request: HttpRequest) -> bytes:
    """Raises ApiError(413)."""
    limit: int = settings.FREEAI_MAX_SITE_BODY_BYTES
    body = request.read(limit + 1)
    if len(body) > limit:
        raise ApiError(413, f"The request body is larger than {limit} bytes.", code="request_too_large")
    return bytes(body)


async def _refusal(error: ApiError, told: str) -> AsyncGenerator[bytes, None]:
    """What /v1 would answer, as the frames of an answer that failed."""
    yield named("head", {"status": error.status, "headers": {**error.headers, "x-request-id": told}})
    yield frame(error)


def _streamed(frames: AsyncGenerator[bytes, None]) -> HttpResponseBase:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(frames, content_type=STREAM, headers=headers)


def _part(request: HttpRequest, problem: str) -> HttpResponse:
    return render(request, "console/refused.html", {"problem": problem})


def _said(status: int, message: str) -> HttpResponse:
    body: JSONObject = {"error": {"message": message}}
    return JsonResponse(body, status=status)
