"""POST /v1/images/generations."""

from django.urls import path

from apps.core import clock
from apps.gateway import runtime
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.images import wire
from apps.gateway.endpoints.images.operation import Imagine


@only("POST")
async def create_images(request: LeanRequest) -> LeanResponse:
    """POST /v1/images/generations."""
    principal, allowance = await authenticate(request, "images")
    operation = Imagine(wire.parse(await request.read_body()), runtime.current().images)
    served = await serve(request, principal, operation)
    body = wire.render(served.answer, operation.demand.form, int(clock.now()), answer_members(served))
    return LeanResponse(body, answer_headers(served, operation, allowance))


urlpatterns = [path("images/generations", create_images, name="images")]
