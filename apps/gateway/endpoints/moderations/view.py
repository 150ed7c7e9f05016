"""POST /v1/moderations."""

from django.urls import path

from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.moderations import wire
from apps.gateway.endpoints.moderations.operation import Moderate


@only("POST")
async def create_moderation(request: LeanRequest) -> LeanResponse:
    """POST /v1/moderations."""
    principal, allowance = await authenticate(request, "moderations")
    operation = Moderate(await request.parsed(wire.parse))
    served = await serve(request, principal, operation)
    body = wire.render(request.ids.own, operation.demand, served.answer.verdicts, answer_members(served))
    return LeanResponse(body, answer_headers(served, operation, allowance))


urlpatterns = [path("moderations", create_moderation, name="moderations")]
