"""POST /v1/rerank, and where clients of Cohere and of rerankers at an address of their own ask for the same."""

from typing import Final

from django.urls import path

from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.rerank import wire
from apps.gateway.endpoints.rerank.operation import Rerank
from apps.gateway.wire.surfaces import ALIASES, ROOT, V1


@only("POST")
async def create_ranking(request: LeanRequest) -> LeanResponse:
    """POST /v1/rerank."""
    principal, allowance = await authenticate(request, "rerank")
    asked = await request.parsed(wire.parse)
    operation = Rerank(asked)
    served = await serve(request, principal, operation)
    body = wire.render(request.ids.own, asked, served.answer, answer_members(served))
    return LeanResponse(body, answer_headers(served, operation, allowance))


SERVED: Final = {
    V1: [path("rerank", create_ranking, name="rerank")],
    ROOT: [path(alias, create_ranking) for alias in sorted(ALIASES)],
}
