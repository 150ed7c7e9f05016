"""POST /v1/embeddings."""

from django.urls import path

from apps.gateway.answering.vectors import Embeddings
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.embeddings import wire


@only("POST")
async def create_embeddings(request: LeanRequest) -> LeanResponse:
    """POST /v1/embeddings."""
    principal, allowance = await authenticate(request, "embeddings")
    operation = Embeddings(await request.parsed(wire.parse))
    served = await serve(request, principal, operation)
    body = wire.render(served.answer.encoded, served.answer.usage, answer_members(served))
    return LeanResponse(body, answer_headers(served, operation, allowance))


urlpatterns = [path("embeddings", create_embeddings, name="embeddings")]
