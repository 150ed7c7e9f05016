"""POST /v1/embeddings."""

from django.urls import path

from apps.gateway import runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.planning import plan_task
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.embeddings import wire
from apps.gateway.endpoints.embeddings.operation import Embeddings


@only("POST")
async def create_embeddings(request: LeanRequest) -> LeanResponse:
    """POST /v1/embeddings."""
    principal, allowance = await authenticate(request, "embeddings")
    operation = Embeddings(await request.parsed(wire.parse))
    call = plan_task(request.ids, principal, operation, max_wait_s(request.META))
    served = await dispatch.run(runtime.current(), call, operation)
    body = wire.render(served.answer.encoded, served.answer.usage, answer_members(served))
    return LeanResponse(body, answer_headers(served, operation, allowance))


urlpatterns = [path("embeddings", create_embeddings, name="embeddings")]
